// What the handles of every dispatcher can do: stay alive beside each other, carry other rows along the same routing,
// sum with any weights.
#include "comm/dispatcher.hpp"

#include "tests/catch.hpp"
#include "tests/comm/conformance_cases.hpp"
#include "tests/comm/single_exchange.hpp"
#include "tests/matrix.hpp"

namespace moeperf::test {
namespace {

DispatchContext context_of(const ExchangeCase& spec, Communicator& comm, KernelBackend& kernels) {
  DispatchContext context(&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = spec.most_tokens(comm.size());
  return context;
}

/// Calls `body` with every dispatcher that can run here, on one node and on several; in a thin matrix in turn.
void with_every_dispatcher(const ExchangeCase& spec, const std::function<void(Dispatcher&, Communicator&)>& body) {
  const auto kernels = kernel_registry().make("reference", {});
  const int size = Communicator(MPI_COMM_WORLD).size();
  const std::vector<int> ranks_per_node = size > 2 ? std::vector{0, 2} : std::vector{0};
  for (std::size_t layout = 0; layout < ranks_per_node.size(); ++layout) {
    Communicator comm(MPI_COMM_WORLD, ranks_per_node[layout]);
    const DispatchContext context = context_of(spec, comm, *kernels);
    std::size_t step = spec.number;
    for (const auto& entry : dispatcher_registry().entries()) {
      if (!in_turn(step++, layout, ranks_per_node.size())) continue;
      if (dispatcher_registry().why_not(entry, context)) continue;
      INFO("dispatcher " << entry.name << ", case '" << spec.name << "', " << name(spec.dtype) << ", " << comm.size()
                         << " ranks on " << comm.num_nodes() << " nodes");
      body(*entry.make(context), comm);
    }
  }
}

std::vector<ExchangeCase> some_cases() {
  std::vector<ExchangeCase> cases;
  for (const ExchangeCase& spec : all_cases()) {
    if (spec.hidden <= 64) cases.push_back(spec);
  }
  return cases;
}

TEST_CASE("the dispatches of several layers are alive on one dispatcher", "[mpi]") {
  for (const ExchangeCase& spec : some_cases()) {
    with_every_dispatcher(spec, [&](Dispatcher& dispatcher, Communicator& comm) {
      std::vector<ExchangeCase> layers(3, spec);
      std::vector<std::unique_ptr<Batch>> batches;
      std::vector<std::unique_ptr<Dispatch>> handles;
      std::optional<std::string> fault;
      const auto keep = [&](const std::optional<std::string>& found) {
        if (!fault) fault = found;
      };
      for (std::size_t l = 0; l < layers.size(); ++l) {
        layers[l].seed = 11 + l;
        batches.push_back(std::make_unique<Batch>(layers[l], comm));
        handles.push_back(dispatcher.plan(batches[l]->routing));
        keep(difference(handles[l]->dispatch(std::as_const(batches[l]->x).rows()), batches[l]->want.view()));
      }
      // Backwards, as gradients go, and then once more in another order.
      for (const std::size_t l : {2, 1, 0, 1, 2}) {
        Batch& batch = *batches[l];
        handles[l]->combine(std::as_const(batch.expert_out).rows(), batch.out.rows());
        keep(difference(batch.out.rows(), expected_sum(layers[l], comm, dispatcher.combine_order(), false).rows()));
        keep(difference(handles[l]->dispatch(std::as_const(batch.x).rows()), batch.want.view()));
      }
      INFO("rank " << comm.rank() << ": " << fault.value_or("no fault here"));
      REQUIRE(comm.all(!fault));
    });
  }
}

/// Small whole numbers, which sums and products of all types hold exactly.
RowBuffer whole_numbers(std::int64_t num_rows, RowFormat format, std::uint64_t seed) {
  RowBuffer rows(num_rows, format);
  visit_dtype(format.dtype, [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t i = 0; i < num_rows; ++i) {
      for (std::int64_t h = 0; h < format.num_cols; ++h) {
        const auto bits =
            random_bits(seed, RandomStream::token_noise, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(h));
        rows.rows().row<Element>(i)[h] = Element(static_cast<float>(static_cast<int>(bits[0] % 7) - 3));
      }
    }
  });
  return rows;
}

std::int64_t inner_product(ConstRows a, ConstRows b) {
  std::int64_t sum = 0;
  visit_dtype(a.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t i = 0; i < a.num_rows(); ++i) {
      for (std::int64_t h = 0; h < a.num_cols(); ++h) {
        sum += static_cast<std::int64_t>(static_cast<float>(a.row<Element>(i)[h]) *
                                         static_cast<float>(b.row<Element>(i)[h]));
      }
    }
  });
  return sum;
}

TEST_CASE("dispatch and the combine without weights are each other's adjoints, exactly", "[mpi]") {
  for (ExchangeCase spec : some_cases()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      spec.dtype = dtype;
      with_every_dispatcher(spec, [&](Dispatcher& dispatcher, Communicator& comm) {
        const Batch batch(spec, comm);
        const RowFormat format{spec.hidden, dtype};
        const auto rank = static_cast<std::uint64_t>(comm.rank());
        const RowBuffer x = whole_numbers(batch.count, format, 2 * rank + 1);
        const auto handle = dispatcher.plan(batch.routing);
        const RowBuffer received = copy_of(handle->dispatch(x.rows()).rows);
        const RowBuffer y = whole_numbers(received.rows().num_rows(), format, 2 * rank + 2);
        RowBuffer back(batch.count, format);
        handle->combine(y.rows(), back.rows(), CombineWeights::none());
        const std::int64_t there = comm.sum(inner_product(received.rows(), y.rows()));
        const std::int64_t here = comm.sum(inner_product(x.rows(), std::as_const(back).rows()));
        REQUIRE(there == here);
      });
    }
  }
}

TEST_CASE("a combine takes other weights than the routing's", "[mpi]") {
  for (const ExchangeCase& spec : some_cases()) {
    with_every_dispatcher(spec, [&](Dispatcher& dispatcher, Communicator& comm) {
      Batch batch(spec, comm);
      Routing other = batch.routing;
      for (std::size_t copy = 0; copy < other.topk_weights.size(); ++copy) {
        other.topk_weights[copy] = other.topk_idx[copy] < 0 ? 0.0f : 0.125f * static_cast<float>(copy % 29) - 1.0f;
      }
      RowBuffer wanted(batch.count, spec.hidden, spec.dtype);
      const auto of_other = dispatcher.plan(other), of_routing = dispatcher.plan(batch.routing);
      of_other->dispatch(std::as_const(batch.x).rows());
      of_other->combine(std::as_const(batch.expert_out).rows(), wanted.rows());
      of_routing->dispatch(std::as_const(batch.x).rows());
      of_routing->combine(std::as_const(batch.expert_out).rows(), batch.out.rows(),
                          CombineWeights::given(std::as_const(other.topk_weights)));
      const auto fault = difference(batch.out.rows(), wanted.rows());
      // And its own again after that.
      of_routing->combine(std::as_const(batch.expert_out).rows(), batch.out.rows());
      const auto changed =
          difference(batch.out.rows(), expected_sum(spec, comm, dispatcher.combine_order(), false).rows());
      INFO(fault.value_or("") << changed.value_or(""));
      REQUIRE(comm.all(!fault && !changed));
    });
  }
}

TEST_CASE("other rows go along the same routing without new counts", "[mpi]") {
  for (const ExchangeCase& spec : some_cases()) {
    with_every_dispatcher(spec, [&](Dispatcher& dispatcher, Communicator& comm) {
      const Batch batch(spec, comm);
      const RowBuffer other = whole_numbers(batch.count, batch.x.rows().format(), 5);
      const auto handle = dispatcher.plan(batch.routing);
      handle->dispatch(batch.x.rows());
      const WireBytes first = handle->dispatch_bytes();
      const RowBuffer again = copy_of(handle->dispatch(other.rows()).rows);
      const WireBytes second = handle->dispatch_bytes();
      const RowBuffer fresh = copy_of(dispatcher.plan(batch.routing)->dispatch(other.rows()).rows);
      const auto fault = difference(again.rows(), fresh.rows());
      const bool cheaper = second.intra <= first.intra && second.inter <= first.inter && second.self <= first.self;
      INFO(fault.value_or(""));
      REQUIRE(comm.all(!fault && cheaper));
    });
  }
}

TEST_CASE("replicas of an expert share its tokens, and the dispatcher need not know") {
  const Placement placement({0, 1, 2, 1, 1, 0}, 3, 2);
  REQUIRE(placement.num_experts() == 6);
  REQUIRE(placement.num_logical() == 3);
  REQUIRE(placement.logical_of(4) == 1);
  Routing routing;
  routing.resize(3, 2);
  routing.topk_idx = {1, 0, -1, 1, 2, 1};
  physical_routing(placement, 7, routing);
  // Tokens 7, 8, 9; expert 1 is at 1, 3 and 4, expert 0 at 0 and 5.
  REQUIRE(routing.topk_idx == std::vector<std::int32_t>{3, 5, -1, 4, 2, 1});
  REQUIRE_THROWS_AS(Placement({0, 3}, 3, 1), Error);
  REQUIRE_THROWS_AS(Placement({0, 0}, 2, 1), Error);
}

}  // namespace
}  // namespace moeperf::test
