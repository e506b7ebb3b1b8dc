#include "results/validate.hpp"

#include "kernels/base/error.hpp"
#include "results/digest.hpp"
#include "results/hdf5.hpp"
#include "results/reader.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>

namespace moeperf::test {
namespace {

/// A report as `run` writes it, in a folder of its own.
struct Written {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("moeperf_validate_{}", ::getpid());
  std::filesystem::path path = folder / "report.h5", scratch = folder / "scratch.h5";
  Report report = plausible_report();

  Written() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    write_whole(report, path, true);
  }
  ~Written() { std::filesystem::remove_all(folder); }

  std::vector<std::string> found() const { return validate(path, scratch); }
  /// After an edit of the file, as with h5py.
  std::vector<std::string> found_after(const std::function<void(hid_t)>& edit) const {
    std::filesystem::copy_file(path, folder / "edited.h5", std::filesystem::copy_options::overwrite_existing);
    auto file = hdf5::open_file((folder / "edited.h5").string(), true);
    edit(file);
    hdf5::close_file(std::move(file));
    return validate(folder / "edited.h5", scratch);
  }
  std::string first_case() const { return report.cases.front().id; }

  static Report plausible_report();
};

Report Written::plausible_report() {
  Report report = example_report();
  for (Launch& launch : report.launches) {
    launch.end_time = "2026-01-01T01:00:00Z";
    launch.header.start_time = "2026-01-01T00:00:00Z";
    launch.ended_early.clear();
  }
  report.header().num_cases_planned = static_cast<std::int64_t>(report.cases.size());
  report.status = verdict(report);
  return report;
}

bool names(const std::vector<std::string>& found, const std::string& place) {
  INFO(fmt::format("{}", fmt::join(found, "\n")));
  const bool named =
      std::any_of(found.begin(), found.end(), [&](const std::string& one) { return one.starts_with(place); });
  CHECK(named);
  return named;
}

hdf5::Handle at(hid_t file, const std::vector<std::string>& path) {
  hdf5::Handle group = hdf5::open_group(file, path.front());
  for (std::size_t i = 1; i < path.size(); ++i) group = hdf5::open_group(group, path[i]);
  return group;
}

TEST_CASE("what a run wrote is sound") {
  const Written written;
  const auto found = written.found();
  INFO(fmt::format("{}", fmt::join(found, "\n")));
  REQUIRE(found.empty());
}

TEST_CASE("whatever is edited is found, with its place") {
  const Written written;
  const std::string id = written.first_case(), place = "/cases/" + id;
  const std::string part = written.report.cases.front().measurements.front().part;
  const auto edit = [&](const std::vector<std::string>& path, const auto& change) {
    return written.found_after([&](hid_t file) { change(at(file, path)); });
  };
  names(edit({"cases", id, "summary", part}, [](hid_t g) { hdf5::write_attribute(g, "median_s", 1e-9); }), place);
  names(edit({"cases", id, "work", part}, [](hid_t g) { hdf5::write_attribute(g, "useful_bytes", 1.0); }), place);
  names(edit({"cases", id, "verification"}, [](hid_t g) { hdf5::write_attribute(g, "wrong", std::int64_t{7}); }),
        place);
  names(edit({"cases", id, "notes"}, [](hid_t g) { hdf5::write_attribute(g, "added", std::string("x")); }), place);
  names(edit({"cases", id, "samples"},
             [&](hid_t g) {
               std::vector<double> times = hdf5::read_dataset<double>(g, part);
               times[0] /= 2;
               const auto dataset = hdf5::open_dataset(g, part);
               hdf5::check(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, times.data()), "edit");
             }),
        place);
  names(edit({"launches", "0"}, [](hid_t g) { hdf5::write_attribute(g, "seed", std::uint64_t{99}); }), "/launches/0");
  names(written.found_after([](hid_t file) { hdf5::write_attribute(file, "status", std::string("INVALID: no")); }),
        "/@status");
  names(written.found_after([](hid_t file) { hdf5::create_group(file, "more"); }), "/more");
  if (!written.report.balancing.empty()) {
    const std::string trajectory = written.report.balancing.front().id;
    names(edit({"balancing", trajectory}, [](hid_t g) { hdf5::write_attribute(g, "scheme", std::string("x")); }),
          "/balancing/" + trajectory);
  }
}

TEST_CASE("figures that do not follow are found though the digests are new") {
  const Written written;
  const std::string id = written.first_case();
  const std::string part = written.report.cases.front().measurements.front().part;
  const auto found = written.found_after([&](hid_t file) {
    hdf5::write_attribute(at(file, {"cases", id, "summary", part}), "median_s", 1e-9);
    write_digest(at(file, {"cases", id}));
  });
  REQUIRE(found.size() == 1);
  REQUIRE(found[0] == fmt::format("/cases/{}/summary/{}@median_s does not follow from the rest of the file", id, part));
}

TEST_CASE("what cannot be is found") {
  const auto one = [](const std::function<void(Report&)>& change, const std::string& place) {
    Report report = Written::plausible_report();
    change(report);
    const auto found = implausibilities(report);
    return names(found, place);
  };
  REQUIRE(implausibilities(Written::plausible_report()).empty());
  const std::string id = Written::plausible_report().cases.front().id, place = "/cases/" + id;
  one([](Report& r) { r.status = "VALID, really"; }, "/@status");
  one([](Report& r) { r.launches[0].end_time.clear(); }, "/launches/0@end_time");
  one([](Report& r) { r.launches[0].end_time = "2025"; }, "/launches/0@end_time");
  one([](Report& r) { r.header().num_ranks += 1; }, "/launches/0/environment/ranks");
  one([](Report& r) { r.cases[0].verification.checked = 0; }, place + "/verification");
  one(
      [](Report& r) {
        r.cases[0].measurements[0].work.flop_useful = 1;
        r.cases[0].measurements[0].work.flop_executed = 0.5;
      },
      place + "/work");
  one([](Report& r) { r.cases[0].measurements[0].work.wire_bytes_intra = -1; }, place + "/work");
  one(
      [](Report& r) {
        Measurement& m = r.cases[0].measurements[0];
        m.work.flop_useful = 1e9;
        r.cases[0].metrics[m.part + "_ceiling_flop_per_s"] = 1;
      },
      place + "/samples");
  one(
      [](Report& r) {
        Samples& samples = r.cases[0].measurements[0].samples;
        samples.starts_s.assign(samples.values.size(), 5.0);
        samples.values.assign(samples.values.size(), 1.0);
      },
      place + "/samples");
  one([](Report& r) { r.cases.push_back(r.cases[0]); }, place + "/coordinates");
  one([](Report& r) { r.balancing[0].load[0] += 1; }, "/balancing/");
  one([](Report& r) { r.balancing[0].dropped[0] = -1; }, "/balancing/");
  one([](Report& r) { r.balancing[0].maxvio[0] += 0.5; }, "/balancing/");
}

TEST_CASE("what is no report is said so") {
  const Written written;
  REQUIRE_THROWS_AS(validate(written.folder / "none.h5", written.scratch), UserError);
}

}  // namespace
}  // namespace moeperf::test
