#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

#include <set>
#include <utility>

namespace moeperf::test {
namespace {

/// Ranks that this rank sends any copy to, itself excepted, and those that send it one.
struct Partners {
  std::set<int> receivers, senders;
};

Partners partners_of(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  Partners partners;
  for (int source = 0; source < comm.size(); ++source) {
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), spec.tokens(source, comm.size()));
    for (const std::int32_t expert : routing.topk_idx) {
      if (expert < 0) continue;
      const int owner = placement.owner(expert);
      if (source == comm.rank() && owner != source) partners.receivers.insert(owner);
      if (owner == comm.rank() && owner != source) partners.senders.insert(source);
    }
  }
  return partners;
}

/// Two addresses and a flag to every rank, and a rank as notice behind each block.
CountedBytes put_bytes(const ExchangeCase& spec, const Communicator& comm) {
  CountedBytes counted = alltoallv_bytes(spec, comm);
  const Partners partners = partners_of(spec, comm);
  for (const int rank : partners.receivers) count(counted.dispatch, comm, rank, 4);
  for (const int rank : partners.senders) count(counted.combine, comm, rank, 4);
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank != comm.rank()) count(counted.dispatch, comm, rank, 3 * 8);
  }
  return counted;
}

/// A message to every rank, with exchange, offset and source in front.
CountedBytes active_message_bytes(const ExchangeCase& spec, const Communicator& comm) {
  CountedBytes counted = alltoallv_bytes(spec, comm);
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank == comm.rank()) continue;
    count(counted.dispatch, comm, rank, 3 * 8);
    count(counted.combine, comm, rank, 3 * 8);
  }
  return counted;
}

TEST_CASE("the UCX dispatchers book addresses, notices and headers", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  for (const auto& [name, bytes] : {std::pair{"ucx-put", &put_bytes}, std::pair{"ucx-am", &active_message_bytes}}) {
    INFO(name);
    const auto& entry = dispatcher_registry().at(name);
    if (dispatcher_registry().why_not(entry, {&comm, kernels.get(), 24, DType::bf16, Placement(13, comm.size()), 4}))
      continue;
    require_bytes(name, bytes);
  }
}

}  // namespace
}  // namespace moeperf::test
