#include "comm/dispatcher.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"

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

TEST_CASE("a repeated batch allocates nothing and stays where it is", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.hidden = 2048;
  spec.tokens = [](int, int) { return 100; };
  const auto dispatcher = dispatcher_registry().make(
      "mpi-alltoallv", {&comm, kernels.get(), spec.hidden, spec.dtype, spec.num_experts, spec.top_k});
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const RowBuffer x = spec.hidden_states(first, 100);
  const Routing routing = spec.routing(first, 100);
  RowBuffer out(100, spec.hidden, spec.dtype);
  const RowBuffer answers = expected_tokens(spec, comm.rank(), comm.size()).rows;

  // The kernels' own plan may allocate; what counts is that the dispatcher adds nothing.
  const auto permuter = kernels->make_permuter();
  PermutePlan plan;
  permuter->plan(routing.topk_idx, 100, spec.top_k, spec.num_experts, plan);
  long before = num_allocations;
  permuter->plan(routing.topk_idx, 100, spec.top_k, spec.num_experts, plan);
  const long by_the_plan = num_allocations - before;

  const void* place = dispatcher->dispatch(x.rows(), routing).rows.data();
  dispatcher->combine(answers.rows(), out.rows());
  before = num_allocations;
  const void* again = dispatcher->dispatch(x.rows(), routing).rows.data();
  dispatcher->combine(answers.rows(), out.rows());
  const long by_the_exchange = num_allocations - before;
  REQUIRE(comm.all(place == again));
  REQUIRE(comm.all(by_the_exchange == by_the_plan));
}

}  // namespace
}  // namespace moeperf::test
