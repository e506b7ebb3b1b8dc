#pragma once

#include "comm/mpi/communicator.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// `moeperf run` as given on the command line; what is not given comes from the workload file.
struct RunOptions {
  std::string suite = "quick";
  std::vector<std::string> workloads;
  std::optional<std::string> benchmarks;
  std::map<std::string, std::vector<std::string>> axes;  ///< what is wanted on an axis, by its name
  std::vector<std::string> phases;
  std::vector<std::int64_t> tokens;
  std::vector<std::string> overrides;
  std::optional<std::string> begin, end;
  std::optional<double> factor;
  std::optional<std::int64_t> seed, min_samples, samples, warmup;
  std::optional<double> max_time_s, target_ci, time_limit_s, prepare_limit_s;
  std::optional<std::string> expert_weights;
  std::string output;
  std::string append;  ///< a report that this run becomes one more launch of
  std::string resume;  ///< a report of which an earlier run measured a part
  std::optional<double> total_time_s;
  bool force = false;
  bool dry_run = false;
};

/// Measures everything and writes the report. Collective. Returns the exit status: 0, or 1 where the report is not
/// VALID (see verdict()), or 3 where it ended early (see EarlyEnd); throws UserError on every rank for bad input. Where
/// the ranks stall, it does not return: the process ends with exit_failure (see Watchdog).
int run(const RunOptions& options, Communicator& comm);

}  // namespace moeperf
