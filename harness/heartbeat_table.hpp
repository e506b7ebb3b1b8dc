#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/bell.hpp"
#include "harness/watch.hpp"

#include <sys/types.h>

#include <memory>
#include <vector>

namespace moeperf {

/// One rank, for the others of its node.
struct Heartbeat {
  Watch watch;
  std::atomic<double> excused_s{0};     ///< time in a step before this does not count: the process was stopped
  std::atomic<bool> is_watched{false};  ///< a thread waits for the bell
  std::atomic<double> end_s{0};         ///< see HeartbeatTable
  Bell bell;
  const pid_t process;

  explicit Heartbeat(pid_t pid) : process(pid) {}
  bool lives() const;  ///< the process is there and not stopped
};

/// A heartbeat for each rank of a node in memory that they share: without a name and in no directory (memfd), so that a
/// small /dev/shm does not matter and nothing is left behind, however the processes end. Some kilobytes a rank. The
/// ranks must see each other under /proc, which those in process namespaces of their own do not.
class HeartbeatTable {
 public:
  /// Collective. Not `shared`: a table of this rank alone. Throws UserError on all ranks where one cannot share.
  HeartbeatTable(const Communicator& comm, bool shared);

  const std::vector<int>& ranks() const { return ranks_; }  ///< ascending
  std::size_t own_idx() const { return own_idx_; }
  Heartbeat& operator[](std::size_t i) const { return lines_.get()[i]; }  ///< of ranks()[i]
  Heartbeat& own() const { return (*this)[own_idx_]; }
  /// When all of its ranks end: one of them closes the run, or has closed it. 0: none does.
  std::atomic<double>& end_s() const { return lines_->end_s; }

 private:
  std::vector<int> ranks_;
  std::size_t own_idx_ = 0;
  std::shared_ptr<Heartbeat> lines_;
};

}  // namespace moeperf
