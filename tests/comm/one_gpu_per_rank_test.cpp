#include "comm/one_gpu_per_rank.hpp"

#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/backends.hpp"
#include "tests/catch.hpp"

#include <vector>

namespace moeperf {
namespace {

std::string why_not(const std::vector<RankGpu>& ranks) { return why_not_one_gpu_per_rank(ranks).value_or(""); }

TEST_CASE("ranks with a GPU each are fine, also where nodes number them alike") {
  REQUIRE(why_not({}) == "");
  REQUIRE(why_not({{"n1", 0, "0000:17:00.0", ""},
                   {"n1", 0, "0000:65:00.0", ""},
                   {"n2", 1, "0000:17:00.0", ""},
                   {"n2", 1, "0000:65:00.0", ""}}) == "");
}

TEST_CASE("two ranks of a node on one GPU are named with it") {
  REQUIRE(why_not({{"n1", 0, "0000:17:00.0", ""},
                   {"n2", 1, "0000:17:00.0", ""},
                   {"n2", 1, "0000:65:00.0", ""},
                   {"n2", 1, "0000:17:00.0", ""}}) ==
          "ranks 1 and 3 on n2 share GPU 0000:17:00.0, and NCCL takes one rank per GPU");
}

TEST_CASE("the first rank without a GPU is named with the reason, the others are counted") {
  const RankGpu good{"n1", 0, "0000:17:00.0", ""};
  const RankGpu bad{"n2", 1, "", "no CUDA device (cudaErrorNoDevice: none)"};
  REQUIRE(why_not({good, bad}) == "rank 1 on n2: no CUDA device (cudaErrorNoDevice: none)");
  REQUIRE(why_not({bad, good, bad}) ==
          "rank 0 on n2: no CUDA device (cudaErrorNoDevice: none); 1 other rank without one");
  REQUIRE(why_not({bad, bad, bad, bad}) ==
          "rank 0 on n2: no CUDA device (cudaErrorNoDevice: none); 3 other ranks without one");
}

TEST_CASE("the dispatchers over NCCL are known everywhere, and where they cannot run all ranks say the same", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  Backends backends({1});
  const DispatchContext context{&comm, &backends.on_host(), 64, DType::bf16, Placement(8, comm.size()), 2};
  for (const char* name : {"nccl-sendrecv", "nccl-alltoall"}) {
    const std::string reason = dispatcher_registry().why_not(dispatcher_registry().at(name), context).value_or("");
    INFO(name << " [" << reason << "]");
    REQUIRE(comm.all(reason == comm.broadcast(reason)));
    if (reason.empty()) continue;
    bool explained = false;
    for (const char* words :
         {"not compiled in: configure with -DMOEPERF_CUDA=ON", "no CUDA device (cudaError", "takes one rank per GPU"}) {
      explained = explained || reason.find(words) != std::string::npos;
    }
    REQUIRE(explained);
    REQUIRE_THROWS_AS(make_dispatcher(name, context), UnsupportedError);
  }
}

}  // namespace
}  // namespace moeperf
