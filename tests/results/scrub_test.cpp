#include "results/scrub.hpp"

#include "results/reader.hpp"
#include "results/validate.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace moeperf::test {
namespace {

/// A report with a host, a user, paths and addresses wherever a run may write them.
Report with_names() {
  Report report = example_report();
  ReportHeader& header = report.header();
  header.start_time = "2026-01-01T00:00:00Z";
  report.launches[0].end_time = "2026-01-01T01:00:00Z";
  header.num_cases_planned = static_cast<std::int64_t>(report.cases.size());
  header.run_id = "secretbox.example.org-20260101T000000Z";
  header.command_line = "/home/alice/builds/bin/moeperf run /scratch/alice/mine.toml -o out.h5";
  header.config += "file = '/data/alice/trace.npz'\n";
  header.environment.facts["compiler_flags"] = "-O3 -I/home/alice/include -DX=1";
  header.environment.variables = {{"SLURM_JOB_USER", "alice"},
                                  {"SLURM_JOB_ACCOUNT", "hush-hush"},
                                  {"LD_LIBRARY_PATH", "/opt/site/lib:/home/alice/lib"},
                                  {"OMPI_MCA_btl_tcp_if_include", "10.77.1.0/24"},
                                  {"OMP_NUM_THREADS", "8"}};
  const auto rename = [](Table& table) {
    for (auto& [column, values] : table) {
      if (column == "host") values.assign(values.size(), "secretbox.example.org");
    }
  };
  rename(header.environment.nodes);
  rename(header.environment.ranks);
  report.cases[0].notes["rows"] = "on the host, rank 0 on secretbox by alice";
  report.launches[0].ended_early = "stalled: rank 3 on secretbox.example.org (no answer)";
  report.status = verdict(report);
  return report;
}

TEST_CASE("a scrubbed report names no host, user, path or address, anywhere in its file, and is sound") {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("moeperf_scrub_{}", ::getpid());
  std::filesystem::create_directories(folder);
  const Report clean = scrubbed(with_names());
  write_whole(clean, folder / "clean.h5", true);
  std::ifstream file(folder / "clean.h5", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  for (const char* word :
       {"secretbox", "example.org", "alice", "hush", "/home", "/scratch", "/data", "/opt", "10.77"}) {
    INFO(word);
    CHECK(bytes.find(word) == std::string::npos);
  }
  const auto found = validate(folder / "clean.h5", folder / "scratch.h5");
  INFO(found.size() << (found.empty() ? "" : found[0]));
  CHECK(found.empty());
  const Report read = read_report(folder / "clean.h5");
  std::filesystem::remove_all(folder);
  CHECK(read.header().command_line == ".../moeperf run .../mine.toml -o out.h5");
  CHECK(read.header().environment.variables.at("OMP_NUM_THREADS") == "8");
  CHECK(read.header().environment.variables.at("LD_LIBRARY_PATH") == ".../lib:.../lib");
  CHECK(read.header().environment.facts.at("compiler_flags") == "-O3 -I.../include -DX=1");
  CHECK(read.header().run_id.starts_with("host-"));
  CHECK(read.header().run_id.ends_with("-20260101T000000Z"));
}

TEST_CASE("scrubbing changes no sample and no figure, and says the same host each time") {
  const Report report = with_names(), clean = scrubbed(report), again = scrubbed(clean);
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    CHECK(clean.cases[i].measurements.size() == report.cases[i].measurements.size());
    for (std::size_t m = 0; m < report.cases[i].measurements.size(); ++m) {
      CHECK(clean.cases[i].measurements[m].samples.values == report.cases[i].measurements[m].samples.values);
      CHECK(clean.cases[i].measurements[m].work == report.cases[i].measurements[m].work);
    }
    CHECK(clean.cases[i].metrics == report.cases[i].metrics);
    CHECK(clean.cases[i].coordinates == report.cases[i].coordinates);
  }
  CHECK(scrubbed(report) == clean);
  CHECK(again.header().command_line == clean.header().command_line);
}

}  // namespace
}  // namespace moeperf::test
