// The NCCL calls that comm/nccl and its dispatchers make, over MPI and on the streams of the fake GPU. As strict as
// NCCL is: sends and receives outside of a group, of no bytes, or to the rank itself are errors here.
#include "tests/fake_gpu/fake_gpu.hpp"

#include <mpi.h>
#include <nccl.h>

#include <functional>
#include <utility>
#include <vector>

namespace moeperf::test {
namespace {

struct Message {
  bool is_send;
  const void* from;
  void* to;
  int count, peer;
  MPI_Comm comm;
};

int group_depth = 0;
std::vector<Message> group;
cudaStream_t group_stream = nullptr;
/// Work that was accepted, but is not on its stream before a call on the communicator has been seen to be through.
std::function<void()> pending;

void exchange(const std::vector<Message>& messages) {
  std::vector<MPI_Request> requests(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.is_send) {
      MPI_Isend(message.from, message.count, MPI_BYTE, message.peer, 1, message.comm, &requests[i]);
    } else {
      MPI_Irecv(message.to, message.count, MPI_BYTE, message.peer, 1, message.comm, &requests[i]);
    }
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

MPI_Comm mpi_comm(ncclComm_t comm) { return *reinterpret_cast<MPI_Comm*>(comm); }

ncclResult_t add(Message message, cudaStream_t stream) {
  int rank = 0;
  MPI_Comm_rank(message.comm, &rank);
  if (group_depth == 0 || message.count == 0 || message.peer == rank) return ncclInvalidUsage;
  group.push_back(message);
  group_stream = stream;
  return ncclSuccess;
}

}  // namespace
}  // namespace moeperf::test

using namespace moeperf::test;

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId*) { return ncclSuccess; }

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int num_ranks, ncclUniqueId, int, ncclConfig_t* config) {
  if (config->blocking != 0) return ncclInvalidArgument;
  auto* mpi = new MPI_Comm(MPI_COMM_NULL);
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm_dup(num_ranks == size ? MPI_COMM_WORLD : MPI_COMM_SELF, mpi);
  *comm = reinterpret_cast<ncclComm_t>(mpi);
  return ncclInProgress;
}

ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  auto* mpi = reinterpret_cast<MPI_Comm*>(comm);
  MPI_Comm_free(mpi);
  delete mpi;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) { return ncclCommDestroy(comm); }

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  static int calls = 0;
  *state = ++calls % 3 == 0 ? ncclSuccess : ncclInProgress;
  if (*state == ncclSuccess && pending) std::exchange(pending, nullptr)();
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t) { return "an error of the fake NCCL"; }
const char* ncclGetLastError(ncclComm_t) { return ""; }

ncclResult_t ncclGroupStart() {
  ++group_depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (--group_depth > 0 || group.empty()) return ncclSuccess;
  pending = [stream = group_stream, messages = std::exchange(group, {})] {
    launch_on(stream, [messages] { exchange(messages); });
  };
  return ncclInProgress;
}

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t, int peer, ncclComm_t comm, cudaStream_t stream) {
  return add({true, data, nullptr, static_cast<int>(count), peer, mpi_comm(comm)}, stream);
}

ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t, int peer, ncclComm_t comm, cudaStream_t stream) {
  return add({false, nullptr, data, static_cast<int>(count), peer, mpi_comm(comm)}, stream);
}

ncclResult_t ncclAlltoAll(const void* from, void* to, size_t count, ncclDataType_t, ncclComm_t comm,
                          cudaStream_t stream) {
  const int bytes = static_cast<int>(count);
  pending = [=, mpi = mpi_comm(comm)] {
    launch_on(stream, [=] { MPI_Alltoall(from, bytes, MPI_BYTE, to, bytes, MPI_BYTE, mpi); });
  };
  return ncclInProgress;
}

}  // extern "C"
