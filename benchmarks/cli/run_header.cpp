#include "benchmarks/cli/run_header.hpp"

#include "benchmarks/configuration/axis.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"

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

}  // namespace moeperf
