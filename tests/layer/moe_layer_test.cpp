// The layer by itself: forward against the same sums computed here token by token, without any exchange, bit for bit.
#include "benchmarks/layer/moe_layer.hpp"

#include "comm/mpi/communicator.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/random_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace moeperf::test {
namespace {

constexpr std::int64_t hidden = 20, intermediate = 12;
constexpr std::int32_t num_experts = 7, top_k = 3;

/// Drops copies by a rule that needs no load: whole tokens too.
class DropsSome final : public BalancingScheme {
 public:
  std::string_view name() const override { return "drops-some"; }
  bool revises() const override { return true; }
  void revise(Routing& routing, std::int64_t first_token) override {
    for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
      for (std::int32_t k = 0; k < routing.top_k; ++k) {
        if (!is_dropped(first_token + t, k)) continue;
        routing.topk_idx[static_cast<std::size_t>(t * routing.top_k + k)] = -1;
        routing.topk_weights[static_cast<std::size_t>(t * routing.top_k + k)] = 0;
      }
    }
  }
  RouterChange update(const GateBatch&, SchemeMemory&) override { return {}; }

  static bool is_dropped(std::int64_t token, std::int32_t k) { return token % 5 == 0 || (token + k) % 4 == 0; }
};

struct Weights {
  RowBuffer gate, up, down;
  ExpertWeights view() const { return {gate.rows(), up.rows(), down.rows()}; }
};

Weights random_weights(Numbers& numbers, std::int64_t inner) {
  return {random_rows(numbers, inner, hidden, DType::f32, 0.3f), random_rows(numbers, inner, hidden, DType::f32, 0.3f),
          random_rows(numbers, hidden, inner, DType::f32, 0.3f)};
}

ExpertShape shape(std::int64_t inner) { return {hidden, inner, Activation::swiglu, DType::f32}; }

/// One model, the same on every rank. The weights of all experts are loaded everywhere, each under its own number.
struct Model {
  explicit Model(KernelBackend& kernels)
      : experts(kernels.make_expert_ffn(shape(intermediate), num_experts)),
        shared(kernels.make_expert_ffn(shape(2 * intermediate), 1)) {
    Numbers numbers(11);
    for (std::int32_t e = 0; e < num_experts; ++e) experts->load(e, random_weights(numbers, intermediate).view());
    shared->load(0, random_weights(numbers, 2 * intermediate).view());
    gate.num_experts = num_experts;
    gate.top_k = top_k;
    gate.score = Score::sigmoid;
    router.weight = random_rows(numbers, num_experts, hidden, DType::f32);
    for (std::int32_t e = 0; e < num_experts; ++e) router.bias.push_back(0.2f * numbers.value());
    router.version = 1;
  }

  std::unique_ptr<ExpertFfn> experts, shared;
  GateConfig gate;
  GateState router;
};

/// A rank's tokens: some ranks have none.
struct Batch {
  Batch(int rank, int step) {
    constexpr std::array<std::int64_t, 3> of_rank{9, 14, 0};
    for (int r = 0; r < rank; ++r) first_token += of_rank[static_cast<std::size_t>(r) % 3];
    Numbers numbers(100 + static_cast<std::uint64_t>(1000 * step + rank));
    x = random_rows(numbers, of_rank[static_cast<std::size_t>(rank) % 3], hidden, DType::f32);
  }
  static constexpr std::int64_t most_tokens = 14;

  std::int64_t first_token = 0;
  RowBuffer x;
};

RowBuffer space_for(ConstRows x) {
  RowBuffer out(x.num_rows(), x.format());
  for (std::int64_t r = 0; r < x.num_rows(); ++r) std::fill_n(out.rows().row<float>(r), hidden, NAN);
  return out;
}

/// Σ_k w[t,k] · expert_{i[t,k]}(x[t]), each expert asked for one token at a time.
RowBuffer expected(KernelBackend& kernels, const Model& model, const Batch& batch, bool with_drops) {
  const auto gate = kernels.make_gate(model.gate, hidden);
  Routing routing;
  const ConstRows x = std::as_const(batch.x).rows();
  gate->forward(x, model.router, nullptr, routing);
  RowBuffer out(x.num_rows(), hidden, DType::f32), expert_out(1, hidden, DType::f32);
  for (std::int64_t t = 0; t < x.num_rows(); ++t) {
    float* sum = out.rows().row<float>(t);
    std::fill_n(sum, hidden, 0.0f);
    for (std::int32_t k = 0; k < top_k; ++k) {
      if (with_drops && DropsSome::is_dropped(batch.first_token + t, k)) continue;
      const auto copy = static_cast<std::size_t>(t * top_k + k);
      const std::int32_t set[]{routing.topk_idx[copy]};
      model.experts->forward(x.slice(t, 1), RowGroups::whole(1), set, expert_out.rows());
      for (std::int64_t h = 0; h < hidden; ++h) {
        sum[h] = std::fma(routing.topk_weights[copy], expert_out.rows().row<float>(0)[h], sum[h]);
      }
    }
  }
  return out;
}

bool same(ConstRows a, ConstRows b) {
  return a.bytes() == b.bytes() &&
         (a.bytes() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.bytes())) == 0);
}

/// Everything that a test needs on one rank.
struct Setting {
  Setting() : kernels(kernel_registry().make("reference", {1})), model(*kernels) {}

  /// A layer whose experts lie as `placement` says.
  LayerConfig config(const Placement& placement) {
    LayerConfig config;
    config.exchange = {&comm, kernels.get(), hidden, DType::f32, placement, top_k};
    config.exchange.max_tokens = Batch::most_tokens;
    config.dispatcher = "mpi-alltoallv";
    config.gate = model.gate;
    config.experts = model.experts.get();
    for (std::int32_t e = placement.first_expert(comm.rank()); e < placement.first_expert(comm.rank() + 1); ++e) {
      config.set_of_expert.push_back(placement.logical_of(e));
    }
    return config;
  }
  LayerConfig config() { return config(Placement(num_experts, comm.size())); }

  RowBuffer forward(MoeLayer& layer, const Batch& batch) {
    RowBuffer out = space_for(batch.x.rows());
    layer.forward(batch.x.rows(), batch.first_token, model.router, out.rows(), {});
    kernels->queue().wait();
    return out;
  }

  Communicator comm{MPI_COMM_WORLD};
  std::unique_ptr<KernelBackend> kernels;
  Model model;
};

TEST_CASE("a layer computes what its experts make of each token alone", "[mpi]") {
  Setting setting;
  for (const std::int64_t chunks : {1, 2, 5}) {
    for (const bool drops : {false, true}) {
      INFO(chunks << " chunks, drops: " << drops);
      DropsSome scheme;
      LayerConfig config = setting.config();
      config.chunks = chunks;
      config.scheme = drops ? &scheme : nullptr;
      MoeLayer layer(config);
      for (int step = 0; step < 2; ++step) {
        const Batch batch(setting.comm.rank(), step);
        CHECK(
            same(setting.forward(layer, batch).rows(), expected(*setting.kernels, setting.model, batch, drops).rows()));
      }
    }
  }
}

TEST_CASE("the steps of a layer, called one by one, are forward", "[mpi]") {
  Setting setting;
  MoeLayer layer(setting.config());
  const Batch batch(setting.comm.rank(), 0);
  RowBuffer out = space_for(batch.x.rows());
  layer.gate(batch.x.rows(), batch.first_token, setting.model.router);
  CHECK(layer.routing().num_tokens == batch.x.rows().num_rows());
  CHECK(layer.logits().num_rows() == batch.x.rows().num_rows());
  layer.dispatch();
  layer.experts();
  layer.combine(out.rows());
  setting.kernels->queue().wait();
  CHECK(same(out.rows(), expected(*setting.kernels, setting.model, batch, false).rows()));
  const std::int64_t copies = setting.comm.sum(batch.x.rows().num_rows() * top_k);
  CHECK(setting.comm.sum(layer.received().rows.num_rows()) == copies);
}

TEST_CASE("the shared expert of a layer sees every token, dropped or not", "[mpi]") {
  Setting setting;
  for (const std::int64_t chunks : {1, 2}) {
    DropsSome scheme;
    LayerConfig config = setting.config();
    config.chunks = chunks;
    config.scheme = &scheme;
    config.shared_expert = setting.model.shared.get();
    MoeLayer layer(config);
    const Batch batch(setting.comm.rank(), 0);
    RowBuffer routed = space_for(batch.x.rows()), shared = space_for(batch.x.rows()), want = space_for(batch.x.rows());
    layer.forward(batch.x.rows(), batch.first_token, setting.model.router, routed.rows(), shared.rows());
    setting.kernels->queue().wait();
    const std::int32_t set[]{0};
    for (std::int64_t t = 0; t < want.rows().num_rows(); ++t) {
      setting.model.shared->forward(batch.x.rows().slice(t, 1), RowGroups::whole(1), set, want.rows().slice(t, 1));
    }
    CHECK(same(shared.rows(), want.rows()));
    CHECK(same(routed.rows(), expected(*setting.kernels, setting.model, batch, true).rows()));
  }
}

TEST_CASE("replicas of experts change where tokens go and no bit of a layer's results", "[mpi]") {
  Setting setting;
  const Placement placement({3, 0, 6, 1, 0, 2, 5, 4, 0, 3}, num_experts, setting.comm.size());
  for (const std::int64_t chunks : {1, 2}) {
    for (const bool drops : {false, true}) {
      INFO(chunks << " chunks, drops: " << drops);
      DropsSome scheme;
      LayerConfig config = setting.config(placement);
      config.chunks = chunks;
      config.scheme = drops ? &scheme : nullptr;
      MoeLayer layer(config);
      const Batch batch(setting.comm.rank(), 0);
      CHECK(same(setting.forward(layer, batch).rows(), expected(*setting.kernels, setting.model, batch, drops).rows()));
      // What others see of the routing is the model's experts.
      const auto experts = layer.routing().topk_idx.host();
      CHECK(std::all_of(experts.begin(), experts.end(), [](std::int32_t e) { return e < num_experts; }));
    }
  }
}

TEST_CASE("two layers of the same experts are alive at once, in the middle of their batches", "[mpi]") {
  Setting setting;
  MoeLayer a(setting.config()), b(setting.config());
  const Batch first(setting.comm.rank(), 0), second(setting.comm.rank(), 1);
  RowBuffer out_a = space_for(first.x.rows()), out_b = space_for(second.x.rows());
  a.gate(first.x.rows(), first.first_token, setting.model.router);
  a.dispatch();
  b.gate(second.x.rows(), second.first_token, setting.model.router);
  b.dispatch();
  a.experts();
  b.experts();
  b.combine(out_b.rows());
  a.combine(out_a.rows());
  setting.kernels->queue().wait();
  CHECK(same(out_a.rows(), expected(*setting.kernels, setting.model, first, false).rows()));
  CHECK(same(out_b.rows(), expected(*setting.kernels, setting.model, second, false).rows()));
}

TEST_CASE("a layer of an unknown dispatcher is not made", "[mpi]") {
  Setting setting;
  LayerConfig config = setting.config();
  config.dispatcher = "no-such";
  CHECK_THROWS_AS(MoeLayer(config), UserError);
}

}  // namespace
}  // namespace moeperf::test
