#include "comm/dispatch/booked_bytes.hpp"

#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

#include <algorithm>

namespace moeperf::test {
namespace {

TEST_CASE("bytes are booked by how far they go") {
  const std::vector<int> node_of_rank{0, 0, 1, 1, 0};
  WireBytes wire;
  for (int destination = 0; destination < 5; ++destination) {
    book(wire, node_of_rank, 1, destination, std::int64_t{1} << destination);
  }
  REQUIRE(wire.self == 2);
  REQUIRE(wire.intra == 1 + 16);
  REQUIRE(wire.inter == 4 + 8);
}

CountedBytes reference_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  const std::int64_t tokens = spec.tokens(comm.rank(), comm.size());
  const std::int64_t expert_out = expected_tokens(spec, comm.rank(), comm.size()).offsets.back();
  CountedBytes counted;
  for (int r = 0; r < comm.size(); ++r) {
    const std::int64_t size = r == comm.rank() ? 0 : 8;
    count(counted.dispatch, comm, r, tokens * (row_bytes + spec.top_k * 4) + size);
    count(counted.combine, comm, r, expert_out * row_bytes + size);
  }
  return counted;
}

/// Every rank sends slots of the largest block to everyone.
CountedBytes padded_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  std::int64_t slot = 0;
  CountedBytes counted;
  for (int source = 0; source < comm.size(); ++source) {
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), spec.tokens(source, comm.size()));
    std::vector<std::int64_t> block(static_cast<std::size_t>(comm.size()));
    for (const std::int32_t expert : routing.topk_idx) {
      if (expert >= 0) ++block[static_cast<std::size_t>(placement.owner(expert))];
    }
    std::int64_t& own = block[static_cast<std::size_t>(source)];
    if (source == comm.rank()) counted.dispatch.self = counted.combine.self = own * row_bytes;
    own = 0;
    slot = std::max(slot, *std::max_element(block.begin(), block.end()));
  }
  const std::int64_t num_counts = (spec.num_experts + comm.size() - 1) / comm.size();
  for (int destination = 0; destination < comm.size(); ++destination) {
    if (destination == comm.rank()) continue;
    count(counted.dispatch, comm, destination, slot * row_bytes + num_counts * 8);
    count(counted.combine, comm, destination, slot * row_bytes);
  }
  return counted;
}

/// The same on all ranks; says why where not.
bool can_run(const char* name) {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  const auto reason = dispatcher_registry().why_not(
      dispatcher_registry().at(name), {&comm, kernels.get(), 24, DType::bf16, Placement(13, comm.size()), 4});
  if (reason && comm.is_root()) WARN(name << " is left out: " << *reason);
  return !reason;
}

TEST_CASE("the flat dispatchers book exactly the copies and counts they send", "[mpi]") {
  for (const char* name : {"mpi-alltoallv", "mpi-pairwise", "mpi-persistent", "nccl-sendrecv"}) {
    INFO(name);
    if (can_run(name)) require_bytes(name, alltoallv_bytes);
  }
}

TEST_CASE("dispatchers with equal slots book their padding", "[mpi]") {
  for (const char* name : {"mpi-padded", "nccl-alltoall"}) {
    INFO(name);
    if (can_run(name)) require_bytes(name, padded_bytes);
  }
}

TEST_CASE("reference books everything to everybody", "[mpi]") { require_bytes("reference", reference_bytes); }

}  // namespace
}  // namespace moeperf::test
