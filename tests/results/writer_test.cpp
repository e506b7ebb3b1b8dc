#include "results/writer.hpp"

#include "kernels/base/error.hpp"
#include "results/hdf5.hpp"
#include "results/reader.hpp"
#include "results/statistics.hpp"
#include "results/write_groups.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a report is read back as it was written") {
  const TemporaryFolder folder;
  const Report report = example_report();
  write_report(report, folder / "report.h5");
  REQUIRE(read_report(folder / "report.h5") == report);
  REQUIRE(std::distance(fs::directory_iterator((folder / "report.h5").parent_path()), fs::directory_iterator()) == 1);
}

TEST_CASE("large samples in several chunks and an empty report are read back too") {
  const TemporaryFolder folder;
  Report report = example_report();
  report.cases = {example_case("large", 1000, 333), example_case("tiny", 1, 1)};
  report.cases.push_back(example_case("none", 0, 3));
  report.balancing.clear();
  report.header().environment = {};
  report.header().config.clear();
  write_report(report, folder / "report.h5");
  REQUIRE(read_report(folder / "report.h5") == report);
}

/// Makes a dataset [sample, …] longer by some values.
template <class T>
void extend(hid_t parent, const std::string& name, const std::vector<T>& more) {
  const auto dataset = hdf5::open_dataset(parent, name);
  std::vector<std::int64_t> shape = hdf5::shape_of(dataset);
  std::vector<hsize_t> extents(shape.begin(), shape.end()), offset(shape.size(), 0), count = extents;
  std::size_t row = 1;
  for (std::size_t i = 1; i < extents.size(); ++i) row *= extents[i];
  offset[0] = extents[0];
  count[0] = more.size() / row;
  extents[0] += count[0];
  hdf5::check(H5Dset_extent(dataset, extents.data()), name);
  const auto box = hdf5::select_box(dataset, offset, count);
  const hdf5::Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), name);
  hdf5::check(H5Dwrite(dataset, hdf5::type_of(T{}), memory, box, H5P_DEFAULT, more.data()), name);
}

template <class T>
void append(std::vector<T>& values, const std::vector<T>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

TEST_CASE("a finished report takes another launch, with its own header, environment and number of samples") {
  const TemporaryFolder folder;
  Report report = example_report();
  report.cases = {example_case("case", 20, 4), example_case("late", 0, 4)};
  report.balancing.clear();
  write_report(report, folder / "report.h5");

  Launch second = report.launches.front();
  second.header.run_id = "node1-20260202T000000Z";
  second.header.environment.facts["mpi"] = "another MPI";
  second.ended_early = "SIGTERM";
  {
    const auto file = hdf5::open_file((folder / "report.h5").string(), true);
    write_launch(file, second.header, 1);
    write_end(file, 1, second.end_time, second.ended_early, "INVALID: SIGTERM");
    for (CaseResult& result : report.cases) {
      const auto group = hdf5::open_group(hdf5::open_group(file, "cases"), result.id);
      const std::int64_t more = result.id == "late" ? 500 : 7;
      extend(group, "samples_per_launch", std::vector{more});
      const CaseResult again = example_case("again", more, 4);
      for (std::size_t i = 0; i < result.measurements.size(); ++i) {
        Measurement& m = result.measurements[i];
        extend(hdf5::open_group(group, "samples"), m.part, again.measurements[i].samples.values);
        append(m.samples.values, again.measurements[i].samples.values);
        m.samples.launch_sizes.push_back(more);
        if (m.samples.starts_s.empty()) continue;
        extend(hdf5::open_group(group, "starts"), m.part, again.measurements[i].samples.starts_s);
        append(m.samples.starts_s, again.measurements[i].samples.starts_s);
      }
      for (std::size_t i = 0; i < result.meters.size(); ++i) {
        extend(hdf5::open_group(group, "meters"), result.meters[i].meter, again.meters[i].samples.values);
        append(result.meters[i].samples.values, again.meters[i].samples.values);
        result.meters[i].samples.launch_sizes.push_back(more);
      }
    }
  }
  report.launches.push_back(second);
  report.status = "INVALID: SIGTERM";
  const Report read = read_report(folder / "report.h5");
  REQUIRE(read == report);
  const Samples& samples = read.cases[0].measurements[1].samples;
  REQUIRE(summarize(samples).num_samples == 27);
  REQUIRE(launch_medians(samples).size() == 2);
  REQUIRE(launch_medians(read.cases[1].measurements[1].samples).size() == 1);
}

TEST_CASE("the part file is a whole report after every step") {
  const TemporaryFolder folder;
  const Report report = example_report();
  ReportWriter writer(folder / "report.h5", false, report.header(), 1000);
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    const Report so_far = read_report(folder / "report.h5.part");
    REQUIRE(so_far.cases == std::vector<CaseResult>(report.cases.begin(), report.cases.begin() + i));
    REQUIRE(so_far.status == "running");
    writer.add_case(report.cases[i]);
  }
  REQUIRE(read_report(folder / "report.h5.part").cases == report.cases);
}

TEST_CASE("a run that gives up leaves the part file, closed, with its reason and what was measured") {
  const TemporaryFolder folder;
  const Report report = example_report();
  write_report(report, folder / "report.h5");
  ReportWriter writer(folder / "report.h5", true, report.header(), 1000);
  writer.add_case(report.cases[0]);
  writer.give_up("2026-01-01T00:00:00Z", "stalled", "INVALID: stalled");
  const Report part = read_report(folder / "report.h5.part");
  REQUIRE(part.cases == std::vector<CaseResult>{report.cases[0]});
  REQUIRE(part.status == "INVALID: stalled");
  REQUIRE(part.launches.back().ended_early == "stalled");
  REQUIRE(part.launches.back().end_time == "2026-01-01T00:00:00Z");
  REQUIRE(read_report(folder / "report.h5") == report);
}

TEST_CASE("a report that is not there while its part is, is refused with the part's name") {
  const TemporaryFolder folder;
  { ReportWriter(folder / "report.h5", false, example_report().header(), 0); }
  const std::string part = (folder / "report.h5.part").string();
  const auto complaint = [&](const std::string& name) {
    try {
      read_report(folder / name);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  REQUIRE(complaint("report.h5").find("; there is '" + part + "'") != std::string::npos);
  REQUIRE(read_report(part).status == "running");
  REQUIRE(complaint("other.h5") == "no file '" + (folder / "other.h5").string() + "'");
}

TEST_CASE("a report is refused where it cannot be written, and replaced only when forced") {
  const TemporaryFolder folder;
  const Report report = example_report();
  REQUIRE_THROWS_AS(ReportWriter(folder / "no/such/report.h5", false, report.header(), 0), UserError);
  REQUIRE_THROWS_AS(ReportWriter(folder / "report.h5", false, report.header(), std::int64_t{1} << 60), UserError);
  { ReportWriter(folder / "report.h5", false, report.header(), 0).add_case(report.cases[0]); }
  REQUIRE_THROWS_AS(ReportWriter(folder / "report.h5", false, report.header(), 0), UserError);
  REQUIRE(read_report(folder / "report.h5.part").cases.size() == 1);
  write_report(report, folder / "report.h5", true);
  REQUIRE(read_report(folder / "report.h5") == report);
  REQUIRE_THROWS_AS(ReportWriter(folder / "report.h5", false, report.header(), 0), UserError);
}

TEST_CASE("a case that would not make a valid report is refused and the file stays") {
  const TemporaryFolder folder;
  const Report report = example_report();
  ReportWriter writer(folder / "report.h5", false, report.header(), 0);
  writer.add_case(report.cases[0]);
  REQUIRE_THROWS_AS(writer.add_case(report.cases[0]), Error);
  CaseResult bad = report.cases[1];
  bad.id = "a/b";
  REQUIRE_THROWS_AS(writer.add_case(bad), Error);
  bad = report.cases[1];
  bad.measurements[0].samples.values.pop_back();
  REQUIRE_THROWS_AS(writer.add_case(bad), Error);
  bad = report.cases[1];
  bad.meters[1].samples.values.pop_back();
  REQUIRE_THROWS_AS(writer.add_case(bad), Error);
  bad = report.cases[1];
  bad.meters[1].meter = bad.meters[0].meter;
  REQUIRE_THROWS_AS(writer.add_case(bad), Error);
  writer.add_case(report.cases[1]);
  REQUIRE(read_report(folder / "report.h5.part").cases.size() == 2);
}

TEST_CASE("a status too long for an attribute is cut") {
  const TemporaryFolder folder;
  Report report = example_report();
  report.status = "INVALID: " + std::string(100'000, 'x');
  write_report(report, folder / "report.h5");
  REQUIRE(read_report(folder / "report.h5").status.size() == hdf5::max_text_attribute);
}

}  // namespace
}  // namespace moeperf::test
