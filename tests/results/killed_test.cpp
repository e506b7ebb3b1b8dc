#include "kernels/base/error.hpp"
#include "results/reader.hpp"
#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/child.hpp"
#include "tests/results/example_report.hpp"
#include "tests/results/python.hpp"

#include <signal.h>

#include <chrono>
#include <thread>

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

CaseResult numbered_case(std::size_t number) { return example_case("case" + std::to_string(number), 50, 3); }

/// A process that adds case after case until it is killed, `delay` after its first bytes.
void write_until_killed(const fs::path& path, std::chrono::microseconds delay) {
  const pid_t child = start_child([&] {
    ReportWriter writer(path, true, example_report().header(), 1000);
    for (std::size_t i = 0; i < 100'000; ++i) writer.add_case(numbered_case(i));
  });
  const fs::path part = path.string() + ".part";
  for (int i = 0; i < 20'000 && !fs::exists(part); ++i) std::this_thread::sleep_for(std::chrono::microseconds(500));
  std::this_thread::sleep_for(delay);
  ::kill(child, SIGKILL);
  REQUIRE(end_of(child) == "signal 9");
}

TEST_CASE("a run killed at any moment leaves a report of the cases measured so far") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5", part = folder / "report.h5.part";
  std::size_t most = 0;
  for (int i = 0; i < 25; ++i) {
    write_until_killed(path, std::chrono::microseconds(3700 * i));
    const Report report = read_report(part);
    REQUIRE(report.status == "running");
    for (std::size_t n = 0; n < report.cases.size(); ++n) REQUIRE(report.cases[n] == numbered_case(n));
    most = std::max(most, report.cases.size());
    fs::remove(part);
  }
  REQUIRE(most > 2);
}

TEST_CASE("plain h5py reads what a killed run left") {
  const std::string python = python_with_h5py();
  if (python.empty()) return;
  const TemporaryFolder folder;
  write_until_killed(folder / "report.h5", std::chrono::milliseconds(60));
  REQUIRE(run_python(python,
                     "import h5py\n"
                     "file = h5py.File('" +
                         (folder / "report.h5.part").string() +
                         "')\n"
                         "assert file.attrs['status'] == b'running'\n"
                         "for case in file['cases'].values(): assert case['samples/layer'][...].shape == (50, 3)\n"));
}

}  // namespace
}  // namespace moeperf::test
