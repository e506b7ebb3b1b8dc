// layer: one MoE layer forward in the state its balancing scheme reached. First its parts, each from a
// common start; then the whole ("layer") without inner barriers, which is the figure of merit. In the train
// phase the scheme's update is timed too, on a copy of the router, so that all samples see the same routing.
//
// With chunks the whole layer runs in parts of the batch, whose exchanges overlap with the experts of the others
// (benchmarks/layer/chunked_exchange.hpp); its parts are timed without. The meter "exposed" is the time inside the
// whole layer in which the rank was busy with exchanges, or waited for them, instead of computing.

#include "benchmarks/axes/chunks.hpp"
#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/baselines/product_ceiling.hpp"
#include "benchmarks/exchange_work.hpp"
#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/layer/moe_layer.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/booking_check.hpp"
#include "benchmarks/verification/choice_check.hpp"
#include "benchmarks/verification/reference_experts.hpp"
#include "comm/wire_reference.hpp"
#include "kernels/list_copies.hpp"
#include "kernels/routing_copies.hpp"
#include "kernels/rows_on_host.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace moeperf {
namespace {

class LayerBenchmark final : public Benchmark {
 public:
  LayerBenchmark(Problem& problem, const CaseSpec& spec)
      : problem_(problem), spec_(spec), backend_(problem.kernels(kernel_of(spec))) {}

  void prepare() override {
    const ModelShape& model = problem_.workload().model;
    state_ = &problem_.state(scheme_of(spec_), kernel_of(spec_));
    scheme_ = problem_.make_scheme(scheme_of(spec_));
    optimizer_.emplace(problem_.make_optimizer());
    layer_.emplace(layer_config());
    x_ = problem_.x(kernel_of(spec_));
    out_ = RowBuffer(x_.num_rows(), model.hidden, model.dtype, backend_.memory());
    shared_out_ = RowBuffer(has_shared() ? x_.num_rows() : 0, model.hidden, model.dtype, backend_.memory());
    trained_ = copy_of(state_->gate);
    gate_ceiling_ = product_ceiling(problem_.backends(), backend_, DType::f32);
    expert_ceiling_ = product_ceiling(problem_.backends(), backend_, model.dtype);

    parts_ = {{"gate", [this] { layer_->gate(x_, problem_.first_token(), state_->gate); }},
              {"dispatch", [this] { layer_->dispatch(); }},
              {"expert", [this] { layer_->experts(); }},
              {"combine", [this] { layer_->combine(out_.rows()); }}};
    if (has_shared()) parts_.push_back({"shared_expert", [this] { layer_->shared_expert(shared_out_.rows()); }});
    if (is_training()) parts_.push_back({"update", [this] { update(); }});
    layer_->exchange_once(x_, state_->dispatched(), out_.rows());
    backend_.queue().wait();
  }

  std::vector<PartInfo> parts() const override {
    std::vector<PartInfo> infos;
    for (const Part& part : parts_) {
      const bool is_expert = part.name == "expert" || part.name == "shared_expert";
      infos.push_back({.name = part.name,
                       .ceiling_flop_per_s = part.name == "gate" ? gate_ceiling_
                                             : is_expert         ? expert_ceiling_
                                                                 : 0});
    }
    infos.push_back({.name = "layer", .ceiling_flop_per_s = std::max(gate_ceiling_, expert_ceiling_)});
    return infos;
  }

  std::vector<MeterInfo> meters() const override { return {{.name = "exposed", .unit = "s"}}; }

  WorkModel work(std::size_t part) const override {
    if (part < parts_.size()) return work_of(parts_[part].name);
    WorkModel whole;
    for (const Part& one : parts_) whole += work_of(one.name);
    const WireBytes wire = layer_->forward_bytes();
    whole.wire_bytes_intra = static_cast<double>(wire.intra);
    whole.wire_bytes_inter = static_cast<double>(wire.inter);
    return whole;
  }

  void run(std::size_t part) override {
    if (part < parts_.size()) {
      parts_[part].body();
    } else {
      layer_->forward(x_, problem_.first_token(), state_->gate, out_.rows(), shared_out_.rows());
      if (is_training()) update();
    }
    backend_.queue().wait();
  }

  double read(std::size_t) override { return layer_->exposed_s(); }

  void poison() override {
    moeperf::poison(out_.rows(), backend_.queue());
    moeperf::poison(shared_out_.rows(), backend_.queue());
    for (const Rows& outputs : layer_->expert_outputs()) moeperf::poison(outputs, backend_.queue());
  }

  Verification verify() override {
    const ModelShape& model = problem_.workload().model;
    const std::int64_t flop = routed_expert_shape(model).flop_per_row() * model.gate.top_k +
                              (has_shared() ? shared_expert_shape(model).flop_per_row() : 0);
    const std::int64_t wanted = std::clamp<std::int64_t>(400'000'000 / flop, 1, 8);
    ListOnHost<std::int32_t> experts_copy;
    ListOnHost<float> weights_copy;
    const std::span experts = experts_copy.of(layer_->routing().topk_idx, backend_.queue());
    const std::span weights = weights_copy.of(layer_->routing().topk_weights, backend_.queue());
    // Errors of K outputs add up in the weighted sum no worse than in proportion to the sum of the weights.
    Checker checker("routing of every token against the scheme's state, bit for bit",
                    2 * expert_tolerance(routed_expert_shape(model)));
    checker.same(state_->routing.topk_idx == experts && state_->routing.topk_weights == weights);
    layer_->for_each_exchange([&](const Dispatch& exchange, const Routing& routing, Communicator& comm) {
      check_booking(checker, problem_, spec_, layer_->dispatcher().row_rule(), exchange, routing, comm);
    });
    checker.claim("the choice of tokens drawn from the seed against the reference gate, bit for bit");
    check_choice(checker, problem_, state_->gate, problem_.x(), state_->chosen);
    checker.claim("up to " + std::to_string(wanted) +
                  " whole tokens per rank, drawn from the seed, as they arrive, against the reference kernels");

    // What the wire does to a token is known bit for bit, so experts are given the row that arrives and the tolerance
    // stays theirs. Rounding on the way back depends on bits that they may differ in: its bound is allowed for.
    const RowsOnHost out(out_.rows(), backend_.queue()), shared_out(shared_out_.rows(), backend_.queue());
    ReferenceExperts reference(problem_);
    WireReference wire(problem_.backends().reference(), {model.hidden, model.dtype}, wire_of(problem_, spec_),
                       layer_->dispatcher().combine_order(), problem_.placement(), problem_.comm().node_of_rank());
    const double way_back = wire.sum_error_bound();
    const std::int32_t top_k = model.gate.top_k;
    RowBuffer arrived(1, model.hidden, model.dtype);
    for (const std::int64_t token : sample_rows(problem_.seed(), 3, x_.num_rows(), wanted)) {
      const ConstRows row = problem_.x().slice(token, 1);
      wire.arrive(row, arrived.rows());
      std::vector<float> expected(static_cast<std::size_t>(model.hidden), 0.0f), allowance = expected;
      for (std::int32_t k = 0; k < top_k; ++k) {
        const auto copy = static_cast<std::size_t>(token * top_k + k);
        if (experts[copy] < 0) continue;
        const std::vector<float> expert_out = reference.routed(experts[copy], arrived.rows());
        for (std::size_t h = 0; h < expert_out.size(); ++h) {
          expected[h] = std::fma(weights[copy], expert_out[h], expected[h]);
          allowance[h] += static_cast<float>(way_back * std::abs(double{weights[copy]} * expert_out[h]));
        }
      }
      checker.close(out.rows(), token, expected, allowance);
      if (has_shared()) checker.close(shared_out.rows(), token, reference.shared(row));
    }
    return checker.result();
  }

  void finish(CaseResult& result) override {
    result.notes["kernel"] = backend_.description();
    result.notes["rows"] = layer_->dispatcher().row_path();
    if (const std::string path = layer_->routing_path(); !path.empty()) result.notes["routing"] = path;
    result.notes["passes"] = is_training() ? "forward, scheme update" : "forward";
    const auto received = static_cast<double>(layer_->received().rows.num_rows());
    const double mean = problem_.comm().sum(received) / problem_.comm().size();
    result.metrics["received_rows_max_over_mean"] = mean > 0 ? problem_.comm().max(received) / mean : 1;
  }

 private:
  struct Part {
    std::string name;
    std::function<void()> body;
  };

  bool is_training() const { return problem_.phase().kind == PhaseKind::train; }
  bool has_shared() const { return problem_.workload().model.shared_experts > 0; }

  LayerConfig layer_config() {
    LayerConfig config;
    config.exchange = dispatch_context(problem_, spec_, problem_.comm());
    config.dispatcher = dispatcher_of(spec_);
    config.chunks = chunks_of(spec_);
    config.gate = problem_.workload().model.gate;
    config.experts = experts_ = &problem_.experts(kernel_of(spec_));
    config.set_of_expert = problem_.weights().set_of_expert(problem_.comm().rank());
    config.shared_expert = problem_.shared_expert(kernel_of(spec_));
    config.scheme = scheme_.get();
    config.keeps_choice = is_training();
    return config;
  }

  void update() {
    const RowsOnHost logits(layer_->logits(), backend_.queue());
    const Routing& chosen = chosen_on_host_.of(layer_->chosen(), backend_.queue());
    const RouterChange change =
        scheme_->update({logits.rows(), &chosen, problem_.first_token(), trained_.bias}, trained_.extra);
    optimizer_->apply(change, problem_.x(), trained_);
  }

  WorkModel work_of(const std::string& part) const {
    const ModelShape& model = problem_.workload().model;
    WorkModel work;
    if (part == "gate") {
      work.flop_useful = work.flop_executed =
          2.0 * static_cast<double>(x_.num_rows() * model.hidden) * model.gate.num_experts;
    } else if (part == "dispatch") {
      work = exchange_work(problem_, state_->routing, layer_->dispatch_bytes());
    } else if (part == "combine") {
      work = exchange_work(problem_, state_->routing, layer_->combine_bytes());
    } else if (part == "expert") {
      const ReceivedTokens& received = layer_->received();
      work.flop_useful = static_cast<double>(received.rows.num_rows() * routed_expert_shape(model).flop_per_row());
      ListOnHost<std::int64_t> offsets;
      work.flop_executed = static_cast<double>(
          experts_->executed_flop(RowGroups::contiguous(offsets.of(received.groups.offsets, backend_.queue()))));
    } else if (part == "shared_expert") {
      work.flop_useful = work.flop_executed =
          static_cast<double>(x_.num_rows() * shared_expert_shape(model).flop_per_row());
    }
    return work;
  }

  Problem& problem_;
  CaseSpec spec_;
  KernelBackend& backend_;
  ExpertFfn* experts_ = nullptr;
  const SchemeState* state_ = nullptr;
  std::unique_ptr<BalancingScheme> scheme_;
  std::optional<RouterOptimizer> optimizer_;
  std::optional<MoeLayer> layer_;
  double gate_ceiling_ = 0, expert_ceiling_ = 0;
  ConstRows x_;
  GateState trained_;
  RoutingOnHost chosen_on_host_;
  RowBuffer out_, shared_out_;
  std::vector<Part> parts_;
};

const BenchmarkRegistration registration(
    {.name = "layer",
     .summary = "the whole MoE layer forward, in the state the scheme reached",
     .order = 1,
     .axes = {scheme_axis, dispatcher_axis, wire_axis, "chunks"},
     .make = [](Problem& problem, const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
       return std::make_unique<LayerBenchmark>(problem, spec);
     },
     .runs_gate = true,
     .needs = {Need::router, Need::tokens, Need::routed_experts, Need::shared_expert, Need::exchange}});

}  // namespace
}  // namespace moeperf
