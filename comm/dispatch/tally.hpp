#pragma once

#include <cstdint>
#include <vector>

namespace moeperf {

/// Notices from other ranks, expected and arrived. One that comes before it is expected counts for the next time, and
/// only for the rank that it is from.
class Tally {
 public:
  explicit Tally(int num_ranks) : ranks_(static_cast<std::size_t>(num_ranks)) {}

  void expect(int rank) {
    Counts& counts = ranks_[static_cast<std::size_t>(rank)];
    if (++counts.expected > counts.arrived) ++missing_;
  }
  void arrive(int rank) {
    Counts& counts = ranks_[static_cast<std::size_t>(rank)];
    if (++counts.arrived <= counts.expected) --missing_;
  }

  /// Nothing is expected from the rank that has not arrived.
  bool met(int rank) const {
    const Counts& counts = ranks_[static_cast<std::size_t>(rank)];
    return counts.arrived >= counts.expected;
  }
  /// Notices expected and not there, of all ranks.
  int missing() const { return missing_; }

 private:
  struct Counts {
    std::uint64_t expected = 0, arrived = 0;
  };
  std::vector<Counts> ranks_;
  int missing_ = 0;
};

}  // namespace moeperf
