#include "comm/dispatch/exchange_plan.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"

#include <numeric>

namespace moeperf::test {
namespace {

PermutePlan packing_of(const ExchangeCase& spec, const Communicator& comm) {
  const auto permuter = kernel_registry().make("reference", {})->make_permuter();
  const std::int64_t count = spec.tokens(comm.rank(), comm.size());
  const Routing routing = spec.routing(spec.first_token(comm.rank(), comm.size()), count);
  PermutePlan packing;
  permuter->plan(routing.topk_idx, count, spec.top_k, spec.num_experts, packing);
  return packing;
}

TEST_CASE("counts agree between sender and receiver, own rows are no message", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.num_experts = 11;
  spec.tokens = [](int rank, int) { return 7 * rank + 2; };
  const PermutePlan packing = packing_of(spec, comm);
  ExchangePlan plan;
  plan.make(comm, Placement(spec.num_experts, comm.size()), packing.offsets.host());

  std::vector<int> told(plan.send.counts.size());
  MPI_Alltoall(plan.send.counts.data(), 1, MPI_INT, told.data(), 1, MPI_INT, comm.get());
  bool right = told == plan.arrive.counts;
  right = right && plan.send.counts[static_cast<std::size_t>(comm.rank())] == 0;
  const auto total = [](const std::vector<int>& counts) { return std::accumulate(counts.begin(), counts.end(), 0); };
  right = right && total(plan.send.counts) + plan.own_rows == packing.num_rows();
  right = right && total(plan.arrive.counts) + plan.own_rows == plan.num_arrived();
  REQUIRE(comm.all(right));
}

TEST_CASE("grouping is a permutation and its inverse, own blocks lie in their groups", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.num_experts = 11;
  spec.top_k = 5;
  const PermutePlan packing = packing_of(spec, comm);
  ExchangePlan plan;
  plan.make(comm, Placement(spec.num_experts, comm.size()), packing.offsets.host());
  bool right = plan.local_offsets.back() == plan.num_arrived();
  for (std::size_t i = 0; i < plan.arrived_of_grouped.size(); ++i) {
    const auto arrived = static_cast<std::size_t>(plan.arrived_of_grouped[i]);
    right = right && plan.grouped_of_arrived.at(arrived) == static_cast<std::int64_t>(i);
    if (plan.already_grouped) right = right && arrived == i;
  }
  std::int64_t own_rows = 0;
  for (const ExchangePlan::OwnBlock& own : plan.own_blocks) {
    own_rows += own.count;
    for (std::int64_t i = 0; i < own.count; ++i) {
      const std::int64_t arrived = plan.arrived_of_grouped.at(static_cast<std::size_t>(own.grouped + i));
      right = right && arrived - plan.own_arrived == own.packed + i - plan.own_packed;
    }
  }
  REQUIRE(comm.all(right && own_rows == plan.own_rows));
}

TEST_CASE("a rank alone needs no grouping") {
  const Communicator comm(MPI_COMM_SELF);
  const ExchangeCase spec;
  const PermutePlan packing = packing_of(spec, comm);
  ExchangePlan plan;
  plan.make(comm, Placement(spec.num_experts, 1), packing.offsets.host());
  REQUIRE(plan.already_grouped);
  REQUIRE(plan.own_rows == packing.num_rows());
  REQUIRE(packing.offsets == plan.local_offsets);
}

TEST_CASE("the size of the counts message follows the rank with most experts") {
  REQUIRE(ExchangePlan::counts_bytes(Placement(13, 4)) == 4 * 8);
  REQUIRE(ExchangePlan::counts_bytes(Placement(3, 8)) == 8);
}

}  // namespace
}  // namespace moeperf::test
