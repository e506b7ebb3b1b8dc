#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/cuda/queue.hpp"

#include <nccl.h>

namespace moeperf {

/// Owning NCCL communicator of the ranks of an MPI one, each with its current CUDA device. It is non-blocking: no call
/// waits inside NCCL, where an error of another rank would not be seen, but here, where such errors are polled for.
/// When one is seen, or a call fails, the communicator is aborted, which ends its kernels, and NcclError thrown: this
/// rank does not hang. Ranks that NCCL tells nothing are ended with this one, or found by who watches over the run.
class NcclCommunicator {
 public:
  /// Collective over `comm`. Throws Error on all ranks, with the same message, when any of them cannot join within
  /// `limit_s` seconds.
  explicit NcclCommunicator(const Communicator& comm, double limit_s = 120);
  /// Waits for the other ranks to come here, too, but not longer than that; then aborts.
  ~NcclCommunicator();
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  ncclComm_t get() const { return comm_; }

  /// Runs `calls`, which hands NCCL sends and receives or one collective, as a group, and returns when the work is on
  /// its stream: only what is put on the stream afterwards comes after it. Collective among the ranks that take part.
  template <class Calls>
  void launch(const Calls& calls) {
    start_group();
    try {
      calls();
    } catch (...) {
      (void)ncclGroupEnd();
      abort();
      throw;
    }
    end_group();
  }

  /// Returns when all work on `queue` has finished.
  void wait(const CudaQueue& queue);

 private:
  void start_group();
  void end_group();
  /// Whether nothing is in progress on the host's side. Throws what has failed, whoever failed.
  bool settled(const char* call);
  [[noreturn]] void fail(const char* call, ncclResult_t code);
  void join(const Communicator& comm, const ncclUniqueId& id);
  void abort() noexcept;

  ncclComm_t comm_ = nullptr;
  double limit_s_;
};

}  // namespace moeperf
