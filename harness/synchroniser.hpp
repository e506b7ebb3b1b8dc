#pragma once

#include "comm/mpi/communicator.hpp"

namespace moeperf {

/// Brings the ranks to a common start before a timed part.
class Synchroniser {
 public:
  virtual ~Synchroniser() = default;
  virtual const char* name() const = 0;
  /// Collective; returns as nearly at the same time on all ranks as the method can.
  virtual void align() = 0;
};

/// MPI_Barrier. Ranks leave it up to one barrier's latency apart.
class BarrierSynchroniser final : public Synchroniser {
 public:
  explicit BarrierSynchroniser(const Communicator& comm) : comm_(comm) {}
  const char* name() const override { return "barrier"; }
  void align() override { comm_.barrier(); }

 private:
  const Communicator& comm_;
};

}  // namespace moeperf
