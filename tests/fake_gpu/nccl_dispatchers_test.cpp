// The dispatchers over NCCL, with a CUDA and an NCCL that need no GPU: which row goes where, and what touches what.
#include "comm/booking.hpp"
#include "comm/dispatcher.hpp"

#include "kernels/cuda/error.hpp"
#include "kernels/cuda/memory.hpp"
#include "kernels/cuda/queue.hpp"
#include "tests/catch.hpp"
#include "tests/comm/device_rows.hpp"
#include "tests/comm/single_exchange.hpp"
#include "tests/fake_gpu/fake_gpu.hpp"

namespace moeperf::test {
namespace {

constexpr const char* names[] = {"nccl-sendrecv", "nccl-alltoall"};

/// Host rows through dispatch, experts, combine. The first thing wrong on this rank.
std::optional<std::string> first_host_fault(SingleExchange& dispatcher, const ExchangeCase& spec,
                                            const Communicator& comm, bool split) {
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const std::int64_t count = spec.tokens(comm.rank(), comm.size());
  const RowBuffer x = spec.hidden_states(first, count);
  const Routing routing = spec.routing(first, count);
  if (split) dispatcher.start_dispatch(x.rows(), routing);
  const ReceivedTokens received = split ? dispatcher.finish_dispatch() : dispatcher.dispatch(x.rows(), routing);
  const ExpectedTokens want = expected_tokens(spec, comm.rank(), comm.size());
  std::optional<std::string> fault;
  if (const auto wrong = difference(received, want.view())) fault = "dispatch: " + *wrong;
  const Placement placement(spec.num_experts, comm.size());
  const RowBuffer expert_out = expert_out_of(want.view(), placement.first_expert(comm.rank()), false);
  RowBuffer out(count, spec.hidden, spec.dtype);
  if (split) {
    dispatcher.start_combine(expert_out.rows());
    dispatcher.finish_combine(out.rows());
  } else {
    dispatcher.combine(expert_out.rows(), out.rows());
  }
  // A combine leaves what was received as it was.
  const auto changed = difference(received, want.view());
  if (!fault && changed) fault = "after combine: " + *changed;
  const auto wrong = difference(out.rows(), expected_sum(spec, comm, dispatcher.combine_order(), false).rows());
  if (!fault && wrong) fault = "combine: " + *wrong;
  return fault;
}

TEST_CASE("rows on the host go through the GPUs and come back right", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  for (const ExchangeCase& spec : all_cases()) {
    for (const char* name : names) {
      SingleExchange dispatcher(make_dispatcher(name, device_context(spec, comm, host_kernels())));
      for (const bool split : {false, true}) {
        const auto fault = first_host_fault(dispatcher, spec, comm, split);
        INFO(name << ", case '" << spec.name << "', rank " << comm.rank() << ": " << fault.value_or("no fault here"));
        REQUIRE(comm.all(!fault));
      }
      const Routing routing =
          spec.routing(spec.first_token(comm.rank(), comm.size()), spec.tokens(comm.rank(), comm.size()));
      REQUIRE_FALSE(booking_fault(dispatcher.row_rule(), dispatcher.handle(), routing,
                                  device_context(spec, comm, host_kernels())));
      REQUIRE(dispatcher.dispatcher().row_path() == "host, staged through pinned host memory to the GPU of each rank");
    }
  }
  REQUIRE(gpu_memory().num_blocks() == 0);
}

/// Kernels on CUDA, as far as dispatchers need them: memory and queue are the real thing.
class CudaKernels final : public FakeDeviceKernels {
 public:
  explicit CudaKernels(int gpu) : FakeDeviceKernels(gpu_memory(), cuda_memory()) {
    cuda_check(cudaSetDevice(gpu), "cudaSetDevice");
  }
  MemoryResource& staging_memory() override { return cuda_pinned_memory(); }
};

TEST_CASE("rows on CUDA devices are handed to NCCL as they are, for others staged through pinned memory", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  CudaKernels device(comm.rank_on_node());
  for (const ExchangeCase& spec : all_cases()) {
    const DispatchContext context = device_context(spec, comm, device);
    for (const char* name : {"nccl-sendrecv", "nccl-alltoall", "mpi-padded"}) {
      SingleExchange dispatcher(make_dispatcher(name, context));
      for (const bool split : {false, true}) {
        if (split && !dispatcher.can_overlap()) continue;
        const auto fault = first_device_fault(dispatcher, device, spec, comm, split);
        INFO(name << ", case '" << spec.name << "', rank " << comm.rank() << ": " << fault.value_or("no fault here"));
        REQUIRE(comm.all(!fault));
      }
      REQUIRE(dispatcher.dispatcher().row_path() ==
              (std::string(name) == "mpi-padded"
                   ? "device, rows and routing staged through pinned host memory (its rows must be in host memory)"
                   : "device, handed to NCCL as they are; copies per expert counted on the host"));
    }
  }
}

TEST_CASE("kernels that share a GPU cannot exchange on it: their rows are staged, for that reason", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  if (comm.size() == 1) return;
  CudaKernels device(3);
  const ExchangeCase spec;
  SingleExchange dispatcher(make_dispatcher("nccl-sendrecv", device_context(spec, comm, device)));
  REQUIRE(comm.all(!first_device_fault(dispatcher, device, spec, comm, false)));
  REQUIRE(dispatcher.dispatcher().row_path().find("(ranks 0 and 1 on ") != std::string::npos);
  REQUIRE(dispatcher.dispatcher().row_path().find(" share GPU 0000:03:00.0") != std::string::npos);
}

TEST_CASE("rows on a device that is not CUDA's are staged for NCCL, too", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  FakeDeviceKernels device;
  const ExchangeCase spec;
  SingleExchange dispatcher(make_dispatcher("nccl-sendrecv", device_context(spec, comm, device)));
  REQUIRE(comm.all(!first_device_fault(dispatcher, device, spec, comm, false)));
  REQUIRE(dispatcher.dispatcher().row_path() ==
          "device, rows and routing staged through pageable host memory (NCCL knows no memory of this device)");
}

TEST_CASE("NCCL's bytes are those of the same exchange over MPI", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.num_experts = 13;
  spec.top_k = 4;
  spec.drop_percent = 20;
  const std::pair<const char*, const char*> pairs[] = {{"nccl-sendrecv", "mpi-alltoallv"},
                                                       {"nccl-alltoall", "mpi-padded"}};
  const auto same = [](const WireBytes& a, const WireBytes& b) {
    return a.self == b.self && a.intra == b.intra && a.inter == b.inter;
  };
  for (const auto& [nccl, mpi] : pairs) {
    const DispatchContext context = device_context(spec, comm, host_kernels());
    SingleExchange tested(make_dispatcher(nccl, context)), known(make_dispatcher(mpi, context));
    const bool fine = !first_host_fault(tested, spec, comm, false) && !first_host_fault(known, spec, comm, false);
    REQUIRE(comm.all(fine && same(tested.dispatch_bytes(), known.dispatch_bytes())));
    REQUIRE(comm.all(same(tested.combine_bytes(), known.combine_bytes())));
  }
}

}  // namespace
}  // namespace moeperf::test
