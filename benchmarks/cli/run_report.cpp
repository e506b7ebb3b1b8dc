#include "benchmarks/cli/run_report.hpp"

#include "benchmarks/configuration/axis.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "results/claimed_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace moeperf {

ReportHeader make_header(const std::vector<SuiteConfig>& configs, std::size_t num_cases, const Communicator& comm,
                         const Instruments& instruments) {
  ReportHeader header;
  header.axes = report_axes();
  header.num_cases_planned = static_cast<std::int64_t>(num_cases);
  header.start_time = utc_time();
  header.run_id = fmt::format("{}-{}", host_name(), utc_time_compact());
  header.moeperf_version = version_text();
  std::ifstream command_line("/proc/self/cmdline");
  std::getline(command_line, header.command_line);
  std::replace(header.command_line.begin(), header.command_line.end(), '\0', ' ');
  header.seed = configs.front().run.seed;
  for (const SuiteConfig& config : configs) header.config += to_toml(config);
  header.num_ranks = comm.size();
  header.num_nodes = comm.num_nodes();
  header.environment = capture_environment(comm, instruments);
  return header;
}

std::string open_report(std::optional<ReportWriter>& writer, const std::string& name, bool force,
                        const ReportHeader& header, std::int64_t expected_bytes) {
  const bool given = !name.empty();
  const std::string stem = fmt::format("moeperf-{}-{}", host_name(), utc_time_compact());
  for (int number = 1;; ++number) {
    const std::string path = given ? name : stem + (number == 1 ? "" : fmt::format("-{}", number)) + ".h5";
    try {
      writer.emplace(path, given && force, header, expected_bytes);
      return path;
    } catch (const NameTaken&) {
      if (given || number == 1000) throw;
    }
  }
}

}  // namespace moeperf
