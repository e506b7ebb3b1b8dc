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
    const std::string problem = memory_problem(config, memory);
    if (!problem.empty()) throw UserError(problem);
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
    out << planned.id << (planned.skip.empty() ? "" : "  [skipped: " + planned.skip + "]") << '\n';
  }
  out << fmt::format("# {}; {}\n", counted(static_cast<std::int64_t>(plan.size()), "case"),
                     estimate_time(plan, configs).text());
}

}  // namespace moeperf
