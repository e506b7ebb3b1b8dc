#pragma once

#include "benchmarks/configuration/config.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/backends.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// One case to run, or to skip with its reason.
struct PlannedCase {
  std::string id;          ///< unique, a valid HDF5 link name
  std::size_t config = 0;  ///< index of its SuiteConfig
  std::size_t phase = 0;   ///< index of its phase in the workload
  const BenchmarkKind* kind = nullptr;
  CaseSpec spec;
  std::string skip_reason;  ///< not empty: known beforehand that it cannot run, and why
  bool should_run = false;  ///< asked for by name (see CaseResult::should_run)
};

/// Expands the configurations into cases: workload, phase, kernel, then benchmark by benchmark its schemes and
/// dispatchers, so that what is compared runs side by side. Collective (probes dispatchers); throws UserError
/// for unknown names or when nothing matches.
std::vector<PlannedCase> make_plan(const std::vector<SuiteConfig>& configs, Communicator& comm, Backends& backends);

/// The coordinates of a planned case as the report states them.
CaseResult empty_result(const PlannedCase& planned, const SuiteConfig& config, int num_ranks);

}  // namespace moeperf
