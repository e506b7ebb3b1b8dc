#pragma once

#include "comm/mpi/communicator.hpp"

#include <csignal>
#include <optional>
#include <string>

namespace moeperf {

/// Whether a run should end between two cases with what it has: its time is nearly over, or it was told to by SIGUSR1 (on
/// any rank), as Slurm's --signal=USR1@60 does a minute before a job's time is. One at a time.
class EarlyEnd {
 public:
  /// `limit_s`: of the run, from now on; 0: none. Rank 0 counts; where Slurm says when the job ends
  /// (SLURM_JOB_END_TIME), that is a limit, too. Outlived by `comm`.
  EarlyEnd(const Communicator& comm, double limit_s);
  ~EarlyEnd();
  EarlyEnd(const EarlyEnd&) = delete;
  EarlyEnd& operator=(const EarlyEnd&) = delete;

  /// Why not to begin another case, which may take `needed_s`; empty: go on. The same on all ranks. Collective.
  std::string reason(double needed_s) const;

 private:
  struct Limit {
    double end_s;      ///< on now_s()
    std::string name;  ///< whose it is
  };
  std::string own_reason(double needed_s) const;

  const Communicator& comm_;
  std::optional<Limit> limit_;
  struct sigaction before_ {};
};

}  // namespace moeperf
