#include "results/writer.hpp"

#include "kernels/base/error.hpp"
#include "results/hdf5.hpp"
#include "results/reader.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <fstream>

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
  report.cases[0].measurements[0].samples.num_launches = 4;
  report.cases[0].measurements[0].samples.num_samples = 250;
  report.cases.push_back(example_case("none", 0, 3));
  report.balancing.clear();
  report.header.environment = {};
  report.header.config.clear();
  write_report(report, folder / "report.h5");
  REQUIRE(read_report(folder / "report.h5") == report);
}

TEST_CASE("the part file is a whole report after every step") {
  const TemporaryFolder folder;
  const Report report = example_report();
  ReportWriter writer(folder / "report.h5", false, report.header, 1000);
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    const Report so_far = read_report(folder / "report.h5.part");
    REQUIRE(so_far.cases == std::vector<CaseResult>(report.cases.begin(), report.cases.begin() + i));
    REQUIRE(so_far.status == "running");
    writer.add_case(report.cases[i]);
  }
  REQUIRE(read_report(folder / "report.h5.part").cases == report.cases);
}

TEST_CASE("what exists is not replaced unless forced") {
  const TemporaryFolder folder;
  const Report report = example_report();
  write_report(report, folder / "report.h5");
  REQUIRE_THROWS_AS(ReportWriter(folder / "report.h5", false, report.header, 0), UserError);
  Report other = report;
  other.header.run_id = "other";
  write_report(other, folder / "report.h5", true);
  REQUIRE(read_report(folder / "report.h5").header.run_id == "other");
}

TEST_CASE("what a killed run left is not lost silently") {
  const TemporaryFolder folder;
  const Report report = example_report();
  { ReportWriter(folder / "report.h5", false, report.header, 0).add_case(report.cases[0]); }
  REQUIRE(read_report(folder / "report.h5.part").cases.size() == 1);
  try {
    ReportWriter(folder / "report.h5", false, report.header, 0);
    FAIL("the part file was replaced");
  } catch (const UserError& error) {
    REQUIRE(std::string(error.what()).find("--force") != std::string::npos);
  }
  REQUIRE(read_report(folder / "report.h5.part").cases.size() == 1);
  write_report(report, folder / "report.h5", true);
  REQUIRE(read_report(folder / "report.h5") == report);
}

TEST_CASE("a file that appears during the run is left alone and the report too") {
  const TemporaryFolder folder;
  const Report report = example_report();
  ReportWriter writer(folder / "report.h5", false, report.header, 0);
  std::ofstream(folder / "report.h5") << "precious";
  REQUIRE_THROWS_AS(writer.finish("later", "VALID"), Error);
  std::string text;
  std::getline(std::ifstream(folder / "report.h5"), text);
  REQUIRE(text == "precious");
  REQUIRE(read_report(folder / "report.h5.part").status == "VALID");
}

TEST_CASE("a report that cannot be written is refused before anything is measured") {
  const TemporaryFolder folder;
  const ReportHeader header = example_report().header;
  REQUIRE_THROWS_AS(ReportWriter(folder / "no/such/report.h5", false, header, 0), UserError);
  REQUIRE_THROWS_AS(ReportWriter((folder / "x").parent_path(), true, header, 0), UserError);
  REQUIRE_THROWS_AS(ReportWriter(folder / "report.h5", false, header, std::int64_t{1} << 60), UserError);
  REQUIRE(fs::is_empty((folder / "x").parent_path()));
}

TEST_CASE("a case that would not make a valid report is refused and the file stays") {
  const TemporaryFolder folder;
  const Report report = example_report();
  ReportWriter writer(folder / "report.h5", false, report.header, 0);
  writer.add_case(report.cases[0]);
  REQUIRE_THROWS_AS(writer.add_case(report.cases[0]), Error);
  CaseResult bad = report.cases[1];
  bad.id = "a/b";
  REQUIRE_THROWS_AS(writer.add_case(bad), Error);
  bad = report.cases[1];
  bad.measurements[0].samples.seconds.pop_back();
  REQUIRE_THROWS_AS(writer.add_case(bad), Error);
  writer.add_case(report.cases[1]);
  REQUIRE(read_report(folder / "report.h5.part").cases.size() == 2);
}

TEST_CASE("texts too long for an attribute are cut between characters") {
  REQUIRE(hdf5::cut_to("short", 16) == "short");
  REQUIRE(hdf5::cut_to("1234567890abcdefg", 16) == "1234567890 [cut]");
  REQUIRE(hdf5::cut_to("123456789μμμμ", 16) == "123456789 [cut]");
  const TemporaryFolder folder;
  Report report = example_report();
  report.status = "INVALID: " + std::string(100'000, 'x');
  write_report(report, folder / "report.h5");
  REQUIRE(read_report(folder / "report.h5").status.size() == hdf5::max_text_attribute);
}

}  // namespace
}  // namespace moeperf::test
