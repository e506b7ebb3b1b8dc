#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/sample_clock.hpp"

namespace moeperf {

/// Rank 0's clock, read on every rank: what this rank's clock lacks to it, and how fast that changes, from messages
/// there and back (Cristian, 1989). Offsets are found along a binomial tree, in ⌈log2 P⌉ steps, so that their errors add
/// up along the way: each is at most half of the quickest round trip.
class GlobalClock {
 public:
  /// Both outlive it. Collective, for messages of its own.
  GlobalClock(const Communicator& comm, const SampleClock& clock) : comm_(comm.duplicate()), clock_(clock) {}

  /// Finds the offset anew and, from the second time on, the drift since the first. Collective.
  void measure();

  /// Rank 0's time for one of this rank's clock, and back; as of the last measurement. Local.
  double global_s(double own_s) const { return own_s + offset_at(own_s); }
  double own_s(double global_s) const;
  double now_s() const { return global_s(clock_.now_s()); }

  /// By how much global_s() can be wrong at a time on this rank's clock.
  double error_s(double own_s) const;
  double drift() const { return drift_; }              ///< of rank 0's clock against this rank's, in seconds per second
  double drift_error() const { return drift_error_; }  ///< by which that can be wrong

 private:
  struct Offset {
    double at_s = 0, offset_s = 0, error_s = 0;
  };
  double offset_at(double own_s) const { return last_.offset_s + drift_ * (own_s - last_.at_s); }
  void ask(int partner);
  void answer(int partner) const;
  void take(const Offset& offset);

  const Communicator comm_;
  const SampleClock& clock_;
  bool is_measured_ = false;
  Offset first_, last_;
  double drift_ = 0, drift_error_ = 0;
};

}  // namespace moeperf
