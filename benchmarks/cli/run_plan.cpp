#include "benchmarks/cli/run_plan.hpp"

#include "benchmarks/plan/memory_estimate.hpp"
#include "benchmarks/plan/time_estimate.hpp"
#include "kernels/base/counted.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

namespace moeperf {

std::string check_memory(const std::vector<SuiteConfig>& configs, const Communicator& comm, Backends& backends) {
  const RankMemory memory = rank_memory(comm, backends);
  std::string needs;
  for (const SuiteConfig& config : configs) {
    const std::string reason = why_no_memory(config, memory);
    if (!reason.empty()) throw UserError(reason);
    for (const Phase& phase : config.workload.phases) {
      needs +=
          fmt::format("# memory per rank, {} {}{}{}: {}\n", config.workload.name, name(phase.kind),
                      config.point.empty() ? "" : "_", config.point, estimate_memory(config, phase, memory).text());
    }
  }
  return needs;
}

void print_plan(std::ostream& out, const std::vector<PlannedCase>& plan, const std::vector<SuiteConfig>& configs,
                const std::string& memory, const Communicator& comm) {
  if (!comm.has_mpi()) out << "# not asked: whether dispatchers can run (needs MPI); planned for one rank\n";
  out << memory;
  for (const PlannedCase& planned : plan) {
    out << planned.id << (planned.skip_reason.empty() ? "" : "  [skipped: " + planned.skip_reason + "]") << '\n';
  }
  out << fmt::format("# {}; {}\n", counted(static_cast<std::int64_t>(plan.size()), "case"),
                     estimate_time(plan, configs).text());
}

}  // namespace moeperf
