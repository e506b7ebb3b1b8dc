// gate: from hidden states to routing, on the untrained router. Baseline: one plain GEMM of 1024 rows,
// scaled to this rank's rows (same element type as the router, f32).

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/baselines/product_ceiling.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/choice_check.hpp"
#include "benchmarks/verification/plain_gemm_check.hpp"
#include "kernels/routing_copies.hpp"

#include <algorithm>

namespace moeperf {
namespace {

class GateBenchmark final : public Benchmark {
 public:
  GateBenchmark(Problem& problem, const CaseSpec& spec)
      : problem_(problem),
        kernel_(kernel_of(spec)),
        backend_(problem.kernels(kernel_of(spec))),
        routing_(backend_.memory()) {}

  void prepare() override {
    const ModelShape& model = problem_.workload().model;
    gate_ = backend_.make_gate(model.gate, model.hidden);
    gemm_ = backend_.make_plain_gemm(gemm_rows, model.gate.num_experts, model.hidden, DType::f32);
    x_ = problem_.x(kernel_);
    problem_.initial_gate();
    ceiling_ = product_ceiling(problem_.backends(), backend_, DType::f32);
  }

  std::vector<PartInfo> parts() const override {
    const auto most = static_cast<double>(
        *std::max_element(problem_.phase().tokens_per_rank.begin(), problem_.phase().tokens_per_rank.end()));
    return {{.name = "gate",
             .baselines = {"plain_gemm"},
             .baseline_work_ratio = most / gemm_rows,
             .ceiling_flop_per_s = ceiling_},
            {.name = "plain_gemm", .role = Role::baseline, .ceiling_flop_per_s = ceiling_}};
  }

  WorkModel work(std::size_t part) const override {
    WorkModel work;
    if (part == 1) {
      work.flop_useful = work.flop_executed = static_cast<double>(gemm_->flop());
      return work;
    }
    const ModelShape& model = problem_.workload().model;
    const auto tokens = static_cast<double>(problem_.num_tokens());
    work.flop_useful = work.flop_executed = 2.0 * tokens * static_cast<double>(model.hidden) * model.gate.num_experts;
    work.memory_bytes =
        static_cast<double>(x_.bytes() + model.hidden * model.gate.num_experts * 4) + tokens * model.gate.top_k * 8.0;
    return work;
  }

  void run(std::size_t part) override {
    if (part == 0) {
      gate_->forward(x_, problem_.initial_gate(), nullptr, routing_);
    } else {
      gemm_->run();
    }
    backend_.queue().wait();
  }

  void poison() override {
    Routing unwritten;
    unwritten.resize(routing_.num_tokens, routing_.top_k);
    std::fill(unwritten.topk_idx.begin(), unwritten.topk_idx.end(), -7);
    std::fill(unwritten.topk_weights.begin(), unwritten.topk_weights.end(), -7.0f);
    copy_routing(backend_.queue(), unwritten, routing_);
    backend_.queue().wait();
    moeperf::poison(*gemm_, backend_.queue());
  }

  Verification verify() override {
    Checker checker(
        "indices and weights of tokens of each rank, drawn from the seed, against the reference gate, bit for bit");
    RoutingOnHost copy;
    check_choice(checker, problem_, problem_.initial_gate(), problem_.x(), copy.of(routing_, backend_.queue()));
    check_plain_gemm(checker, *gemm_, backend_.queue(), problem_.seed());
    return checker.result();
  }

  void finish(CaseResult& result) override { result.notes["kernel"] = backend_.description(); }

 private:
  static constexpr std::int64_t gemm_rows = 1024;
  Problem& problem_;
  std::string kernel_;
  KernelBackend& backend_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<PlainGemm> gemm_;
  ConstRows x_;
  Routing routing_;
  double ceiling_ = 0;
};

const BenchmarkRegistration registration({.name = "gate",
                                          .summary = "hidden states to routing (scores, group limit, top-k)",
                                          .order = 2,
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<GateBenchmark>(problem, spec);
                                          },
                                          .runs_gate = true,
                                          .needs = {Need::router, Need::tokens}});

}  // namespace
}  // namespace moeperf
