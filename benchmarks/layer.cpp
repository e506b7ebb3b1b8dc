// layer: one MoE layer forward in the state its balancing scheme reached. First its parts, each from a
// common start; then the whole ("layer") without inner barriers, which is the figure of merit. In the train
// phase the scheme's update is timed too, on a copy of the router, so that all samples see the same routing.
//
// With chunks the whole layer runs in parts of the batch, whose exchanges overlap with the experts of the others
// (benchmarks/layer/chunked_exchange.hpp); its parts are timed without. "exposed" is the time inside the whole layer in
// which the rank was busy with exchanges, or waited for them, instead of computing.

#include "benchmarks/axes/chunks.hpp"
#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/baselines/product_ceiling.hpp"
#include "benchmarks/exchange_work.hpp"
#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/layer/chunked_exchange.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/booking_check.hpp"
#include "benchmarks/verification/choice_check.hpp"
#include "benchmarks/verification/reference_experts.hpp"
#include "comm/wire_reference.hpp"
#include "harness/clock.hpp"

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
    experts_ = &problem_.experts(kernel_of(spec_));
    shared_ = problem_.shared_expert(kernel_of(spec_));
    state_ = &problem_.state(scheme_of(spec_), kernel_of(spec_));
    scheme_ = problem_.make_scheme(scheme_of(spec_));
    optimizer_.emplace(problem_.make_optimizer());
    gate_ = backend_.make_gate(model.gate, model.hidden);
    dispatcher_ = make_dispatcher(problem_, spec_);
    if (chunks_of(spec_) > 1) chunked_.emplace(problem_, spec_);
    x_ = problem_.x();
    slots_ = problem_.weights().slot_of_expert(problem_.comm().rank());
    logits_ = RowBuffer(x_.num_rows(), model.gate.num_experts, DType::f32);
    own_answers_ = RowBuffer(0, model.hidden, model.dtype);
    out_ = RowBuffer(x_.num_rows(), model.hidden, model.dtype);
    shared_out_ = RowBuffer(shared_ != nullptr ? x_.num_rows() : 0, model.hidden, model.dtype);
    trained_ = copy_of(state_->gate);
    gate_ceiling_ = product_ceiling(backend_, DType::f32);
    expert_ceiling_ = product_ceiling(backend_, model.dtype);

    parts_ = {{"gate", [this] { gate(); }},
              {"dispatch", [this] { dispatch(); }},
              {"expert", [this] { expert(); }},
              {"combine", [this] { combine(); }}};
    if (shared_ != nullptr) parts_.push_back({"shared_expert", [this] { shared(); }});
    if (problem_.phase().kind == PhaseKind::train) parts_.push_back({"update", [this] { update(); }});
    exchange_once();
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
    if (chunked_) {
      WireBytes wire = chunked_->dispatch_bytes();
      wire += chunked_->combine_bytes();
      whole.wire_bytes_intra = static_cast<double>(wire.intra);
      whole.wire_bytes_inter = static_cast<double>(wire.inter);
    }
    return whole;
  }

  void run(std::size_t part) override {
    if (part < parts_.size()) {
      parts_[part].body();
    } else {
      layer();
    }
    backend_.queue().wait();
  }

  double read(std::size_t) override { return exposed_s_; }

  void poison() override {
    moeperf::poison(out_.rows());
    moeperf::poison(shared_out_.rows());
    moeperf::poison(answers_);
    if (chunked_) chunked_->poison();
  }

  Verification verify() override {
    const ModelShape& model = problem_.workload().model;
    const std::int64_t flop = routed_expert_shape(model).flop_per_row() * model.gate.top_k +
                              (shared_ != nullptr ? shared_expert_shape(model).flop_per_row() : 0);
    const std::int64_t wanted = std::clamp<std::int64_t>(400'000'000 / flop, 1, 8);
    // Errors of K answers add up in the weighted sum no worse than in proportion to the sum of the weights.
    Checker checker("routing of every token against the scheme's state, bit for bit",
                    2 * expert_tolerance(routed_expert_shape(model)));
    checker.same(routing_.topk_idx == state_->routing.topk_idx &&
                 routing_.topk_weights == state_->routing.topk_weights);
    check_booking(checker, problem_, spec_, *dispatcher_, routing_, problem_.comm());
    if (chunked_) chunked_->check_booking(checker);
    checker.claim("the choice of tokens drawn from the seed against the reference gate, bit for bit");
    check_choice(checker, problem_, state_->gate, x_, state_->chosen);
    checker.claim("up to " + std::to_string(wanted) +
                  " whole tokens per rank, drawn from the seed, as they arrive, against the reference kernels");

    // What the wire does to a token is known bit for bit, so experts answer the row that arrives and the tolerance
    // stays theirs. Rounding on the way back depends on bits that they may differ in: its bound is allowed for.
    ReferenceExperts reference(problem_);
    WireReference wire({model.hidden, model.dtype}, wire_of(problem_, spec_), dispatcher_->combine_order(),
                       problem_.placement(), problem_.comm().node_of_rank());
    const double way_back = wire.sum_error_bound();
    RowBuffer arrived(1, model.hidden, model.dtype);
    for (const std::int64_t token : sample_rows(problem_.seed(), 3, x_.num_rows(), wanted)) {
      const ConstRows row = x_.slice(token, 1);
      wire.arrive(row, arrived.rows());
      std::vector<float> expected(static_cast<std::size_t>(model.hidden), 0.0f), allowance = expected;
      for (std::int32_t k = 0; k < routing_.top_k; ++k) {
        const auto copy = static_cast<std::size_t>(token * routing_.top_k + k);
        if (routing_.topk_idx[copy] < 0) continue;
        const std::vector<float> answer = reference.routed(routing_.topk_idx[copy], arrived.rows());
        for (std::size_t h = 0; h < answer.size(); ++h) {
          expected[h] = std::fma(routing_.topk_weights[copy], answer[h], expected[h]);
          allowance[h] += static_cast<float>(way_back * std::abs(double{routing_.topk_weights[copy]} * answer[h]));
        }
      }
      checker.close(out_.rows(), token, expected, allowance);
      if (shared_ != nullptr) checker.close(shared_out_.rows(), token, reference.shared(row));
    }
    return checker.result();
  }

  void finish(CaseResult& result) override {
    result.notes["kernel"] = backend_.description();
    result.notes["rows"] = dispatcher_->row_path();
    result.notes["passes"] = problem_.phase().kind == PhaseKind::train ? "forward, scheme update" : "forward";
    const auto received = static_cast<double>(received_.rows.num_rows());
    const double mean = problem_.comm().sum(received) / problem_.comm().size();
    result.metrics["received_rows_max_over_mean"] = mean > 0 ? problem_.comm().max(received) / mean : 1;
  }

 private:
  struct Part {
    std::string name;
    std::function<void()> body;
  };

  /// Makes the buffers of all exchanges, where what cannot be had still leads to a skip.
  void exchange_once() {
    received_ = dispatcher_->dispatch(x_, state_->routing);
    make_answers();
    dispatcher_->combine(answers_, out_.rows());
    if (chunked_) chunked_->exchange_once(x_, state_->routing, out_.rows());
  }

  void gate() {
    Rows logits = logits_.rows();
    gate_->forward(x_, state_->gate, &logits, routing_);
    if (problem_.phase().kind == PhaseKind::train) chosen_ = routing_;
    scheme_->revise(routing_, problem_.first_token());
  }

  void layer() {
    exposed_s_ = 0;
    if (!chunked_) {
      for (const Part& part : parts_) part.body();
      return;
    }
    gate();
    chunked_->run(x_, routing_, out_.rows(), [this] {
      if (shared_ != nullptr) shared();
    });
    exposed_s_ = chunked_->exposed_s();
    if (problem_.phase().kind == PhaseKind::train) update();
  }

  void dispatch() {
    const double begin = now_s();
    received_ = dispatcher_->dispatch(x_, routing_);
    exposed_s_ += now_s() - begin;
  }

  void combine() {
    const double begin = now_s();
    dispatcher_->combine(answers_, out_.rows());
    exposed_s_ += now_s() - begin;
  }

  void make_answers() {
    const auto space = dispatcher_->answer_space();
    if (!space) own_answers_.resize(received_.rows.num_rows());
    answers_ = space ? *space : own_answers_.rows();
  }

  void expert() {
    make_answers();
    experts_->forward(received_.rows, received_.offsets, slots_, answers_);
  }

  void shared() {
    const std::int64_t offsets[]{0, x_.num_rows()};
    const std::int32_t slots[]{0};
    shared_->forward(x_, offsets, slots, shared_out_.rows());
  }

  void update() {
    const RouterChange change = scheme_->update(
        {std::as_const(logits_).rows(), &chosen_, problem_.first_token(), trained_.bias}, trained_.extra);
    optimizer_->apply(change, x_, trained_);
  }

  WorkModel work_of(const std::string& part) const {
    const ModelShape& model = problem_.workload().model;
    WorkModel work;
    if (part == "gate") {
      work.flop_useful = work.flop_executed =
          2.0 * static_cast<double>(x_.num_rows() * model.hidden) * model.gate.num_experts;
    } else if (part == "dispatch") {
      work = exchange_work(problem_, routing_, dispatcher_->dispatch_bytes());
    } else if (part == "combine") {
      work = exchange_work(problem_, routing_, dispatcher_->combine_bytes());
    } else if (part == "expert") {
      work.flop_useful = static_cast<double>(received_.rows.num_rows() * routed_expert_shape(model).flop_per_row());
      work.flop_executed =
          received_.offsets.empty() ? 0 : static_cast<double>(experts_->executed_flop(received_.offsets));
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
  ExpertFfn* shared_ = nullptr;
  const SchemeState* state_ = nullptr;
  std::unique_ptr<BalancingScheme> scheme_;
  std::optional<RouterOptimizer> optimizer_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::optional<ChunkedExchange> chunked_;
  double exposed_s_ = 0;  ///< of the last whole layer
  double gate_ceiling_ = 0, expert_ceiling_ = 0;
  ConstRows x_;
  std::vector<std::int32_t> slots_;
  GateState trained_;
  Routing routing_, chosen_;
  ReceivedTokens received_;
  RowBuffer logits_, own_answers_, out_, shared_out_;
  Rows answers_;  ///< [N,H] of the experts
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
