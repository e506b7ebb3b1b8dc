#include "comm/nccl/communicator.hpp"

#include "comm/mpi/error.hpp"
#include "comm/nccl/error.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

namespace moeperf {
namespace {

class Deadline {
 public:
  explicit Deadline(double limit_s) : end_(Clock::now() + std::chrono::duration<double>(limit_s)) {}
  bool passed() const { return Clock::now() > end_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::time_point<Clock, std::chrono::duration<double>> end_;
};

/// The reasons of all ranks that have one; empty where none has. Collective.
std::string all_failures(const Communicator& comm, const std::string& failure) {
  std::string all;
  for (const std::string& reason : comm.gather(failure)) {
    if (reason.empty() || all.find(reason) != std::string::npos) continue;
    all += (all.empty() ? "" : "; ") + reason;
  }
  return comm.broadcast(all);
}

}  // namespace

NcclCommunicator::NcclCommunicator(const Communicator& comm, double limit_s) : limit_s_(limit_s) {
  ncclUniqueId id{};
  std::string failure;
  try {
    if (comm.is_root()) nccl_check(ncclGetUniqueId(&id), "ncclGetUniqueId", nullptr);
  } catch (const Error& error) {
    failure = error.what();
  }
  failure = all_failures(comm, failure);
  if (!failure.empty()) throw Error(failure);
  const std::string text = comm.broadcast(std::string(id.internal, sizeof(id.internal)));
  std::memcpy(id.internal, text.data(), sizeof(id.internal));

  try {
    join(comm, id);
  } catch (const Error& error) {
    failure = error.what();
  }
  failure = all_failures(comm, failure);
  if (failure.empty()) return;
  abort();
  throw Error(failure);
}

void NcclCommunicator::join(const Communicator& comm, const ncclUniqueId& id) {
  constexpr const char* call = "ncclCommInitRankConfig";
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const Deadline deadline(limit_s_);
  const ncclResult_t code = ncclCommInitRankConfig(&comm_, comm.size(), id, comm.rank(), &config);
  if (code != ncclSuccess && code != ncclInProgress) fail(call, code);
  while (!settled(call)) {
    if (deadline.passed()) {
      throw Error(fmt::format("{} on {} still waited for other ranks after {:g} s", call, this_process(), limit_s_));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

NcclCommunicator::~NcclCommunicator() {
  if (comm_ == nullptr) return;
  const Deadline deadline(limit_s_);
  ncclResult_t state = ncclCommFinalize(comm_);
  while (state == ncclInProgress && !deadline.passed()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (ncclCommGetAsyncError(comm_, &state) != ncclSuccess) break;
  }
  if (state == ncclSuccess) {
    (void)ncclCommDestroy(comm_);
  } else {
    abort();
  }
}

void NcclCommunicator::start_group() {
  const ncclResult_t code = ncclGroupStart();
  if (code != ncclSuccess) fail("ncclGroupStart", code);
}

void NcclCommunicator::end_group() {
  constexpr const char* call = "ncclGroupEnd";
  const ncclResult_t code = ncclGroupEnd();
  if (code != ncclSuccess && code != ncclInProgress) fail(call, code);
  while (!settled(call)) {
  }
}

void NcclCommunicator::wait(const CudaQueue& queue) {
  while (!queue.done()) (void)settled("an exchange");
  (void)settled("an exchange");
}

bool NcclCommunicator::settled(const char* call) {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t code = ncclCommGetAsyncError(comm_, &state);
  if (code != ncclSuccess) fail("ncclCommGetAsyncError", code);
  if (state != ncclSuccess && state != ncclInProgress) fail(call, state);
  return state == ncclSuccess;
}

void NcclCommunicator::fail(const char* call, ncclResult_t code) {
  const NcclError error(call, code, comm_);
  abort();
  throw error;
}

void NcclCommunicator::abort() noexcept {
  if (comm_ != nullptr) (void)ncclCommAbort(comm_);
  comm_ = nullptr;
}

}  // namespace moeperf
