#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/watch.hpp"

#include <semaphore.h>
#include <sys/types.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace moeperf {

/// One rank, for the others of its node.
struct Heartbeat {
  Heartbeat() { ::sem_init(&bell, 1, 0); }
  void ring() { ::sem_post(&bell); }  ///< any thread of any process, and a signal handler
  bool lives() const;                 ///< the process is there and not stopped

  Watch watch;
  std::atomic<pid_t> process{0};     ///< 0: nobody watches it, yet or any more
  std::atomic<double> excused_s{0};  ///< time in a step before this does not count: the process was stopped
  std::atomic<bool> is_gone{false};  ///< did not live when the run was found stalled
  std::atomic<double> end_s{0};      ///< see HeartbeatTable
  sem_t bell;                        ///< wakes the thread that watches
};

/// A heartbeat for each rank of a node in memory that they share, some kilobytes a rank: without a name and in no
/// directory (memfd), so that a small /dev/shm does not matter and nothing is left behind, however the processes end.
class HeartbeatTable {
 public:
  /// Collective. Not `shared`: of this rank alone. Throws UserError on all ranks where some do not see each other's
  /// processes under /proc, as in process namespaces of their own.
  HeartbeatTable(const Communicator& comm, bool shared);

  const std::vector<int>& ranks() const { return ranks_; }  ///< ascending
  std::size_t own() const { return own_; }                  ///< this rank's place among them
  Heartbeat& operator[](std::size_t place) const { return lines_.get()[place]; }
  void ring_all() const {
    std::for_each_n(lines_.get(), ranks_.size(), [](Heartbeat& h) { h.ring(); });
  }
  /// When all of its ranks end: one of them closes the run, or has closed it. 0: none does.
  std::atomic<double>& end_s() const { return lines_->end_s; }

 private:
  std::vector<int> ranks_;
  std::size_t own_;
  std::shared_ptr<Heartbeat> lines_;
};

}  // namespace moeperf
