#pragma once

#include "results/report.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moeperf {

/// A rank that is slow at what all ranks do alike.
struct Straggler {
  std::int64_t rank = 0;
  std::string host;
  double slower = 1;            ///< median of its time over the median of the other ranks' in the same spell
  double last_in = 0;           ///< share of the spells in which it took longest
  std::int64_t num_spells = 0;  ///< that this is from: of 20 ms of samples each
  double p = 1;                 ///< that it was last so often by chance, with all ranks in mind
};

/// Ranks that are slower than the others by more than `straggler_above` and last more often than chance makes believable,
/// in work that is the same on every rank (plain products, the gate of equally many tokens): what a rank waits for,
/// or how much it was given, has no part in that. The slowest first. With two ranks the other one is the measure.
std::vector<Straggler> find_stragglers(const Report& report);

constexpr double straggler_above = 0.1;
constexpr double straggler_p = 1e-4;

/// Hosts with a straggler, each once: what a job would leave out. Empty on one node.
std::vector<std::string> exclude_list(const Report& report, const std::vector<Straggler>& stragglers);

}  // namespace moeperf
