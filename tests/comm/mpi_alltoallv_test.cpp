#include "comm/dispatcher.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"
#include "tests/comm/single_exchange.hpp"

#include <cstdlib>
#include <new>

namespace {
long num_allocations = 0;
}  // namespace

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++num_allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void* operator new(std::size_t bytes) {
  if (void* data = operator new(bytes, std::nothrow)) return data;
  throw std::bad_alloc();
}
void operator delete(void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { std::free(data); }

namespace moeperf::test {
namespace {

/// Of a repeated batch, less what `num_plans` plans of the kernels' own allocate, and whether rows stay in place.
struct Repetition {
  long allocations = 0;
  bool in_place = false;
};

Repetition repeat_batch(const char* dispatcher_name, int num_plans, std::int32_t num_experts) {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.hidden = 2048;
  spec.num_experts = num_experts;
  spec.tokens = [](int, int) { return 100; };
  SingleExchange dispatcher(dispatcher_registry().make(
      dispatcher_name,
      {&comm, kernels.get(), spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()), spec.top_k}));
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const RowBuffer x = spec.hidden_states(first, 100);
  const Routing routing = spec.routing(first, 100);
  RowBuffer out(100, spec.hidden, spec.dtype);
  const RowBuffer expert_out = expected_tokens(spec, comm.rank(), comm.size()).rows;

  const auto permuter = kernels->make_permuter();
  PermutePlan plan;
  permuter->plan(routing.topk_idx, 100, spec.top_k, spec.num_experts, plan);
  long before = num_allocations;
  permuter->plan(routing.topk_idx, 100, spec.top_k, spec.num_experts, plan);
  const long by_a_plan = num_allocations - before;

  const void* place = dispatcher.dispatch(x.rows(), routing).rows.data();
  dispatcher.combine(expert_out.rows(), out.rows());
  before = num_allocations;
  const void* again = dispatcher.dispatch(x.rows(), routing).rows.data();
  dispatcher.combine(expert_out.rows(), out.rows());
  return {num_allocations - before - num_plans * by_a_plan, place == again};
}

TEST_CASE("a repeated batch allocates nothing and stays where it is", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  struct Subject {
    const char* name;
    int num_plans;
  };
  for (const auto& [name, num_plans] : {Subject{"mpi-alltoallv", 1}, {"mpi-rank-dedup", 2}, {"mpi-allgather", 1}}) {
    for (const std::int32_t num_experts : {2, 8, 50}) {
      const Repetition repetition = repeat_batch(name, num_plans, num_experts);
      INFO(name << ", " << num_experts << " experts, " << repetition.allocations << " allocations");
      REQUIRE(comm.all(repetition.allocations == 0));
      REQUIRE(comm.all(repetition.in_place));
    }
  }
}

}  // namespace
}  // namespace moeperf::test
