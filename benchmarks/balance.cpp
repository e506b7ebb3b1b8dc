// balance: the dynamics of a balancing scheme, step by step on fresh tokens. Its samples are the steps
// themselves; the load, MaxVio, drops, bias or loss of each go into the report's balancing table, and the
// layer is measured in the state that the last step reached.

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/baselines/product_ceiling.hpp"
#include "benchmarks/inputs/balancing_steps.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/checker.hpp"
#include "benchmarks/verification/choice_check.hpp"

#include <numeric>

namespace moeperf {
namespace {

class BalanceBenchmark final : public Benchmark, public TrajectorySource {
 public:
  BalanceBenchmark(Problem& problem, const CaseSpec& spec) : problem_(problem), spec_(spec) {}

  void prepare() override {
    if (problem_.workload().balancing.steps == 0) throw UnsupportedError("balancing.steps is 0: no step to measure");
    steps_ = std::make_unique<BalancingSteps>(problem_, scheme_of(spec_), kernel_of(spec_));
    ceiling_ = product_ceiling(problem_.backends(), problem_.kernels(kernel_of(spec_)), DType::f32);
  }

  std::vector<PartInfo> parts() const override {
    return {{.name = "gate", .ceiling_flop_per_s = ceiling_}, {.name = "revise"}, {.name = "update"}};
  }

  WorkModel work(std::size_t part) const override {
    WorkModel work;
    if (part != 0) return work;
    const ModelShape& model = problem_.workload().model;
    work.flop_useful = work.flop_executed =
        2.0 * static_cast<double>(problem_.num_tokens() * model.hidden) * model.gate.num_experts;
    return work;
  }

  std::optional<std::int64_t> fixed_samples() const override { return problem_.workload().balancing.steps; }
  void before_sample() override { steps_->next_batch(); }
  void run(std::size_t part) override {
    switch (part) {
      case 0:
        steps_->gate();
        break;
      case 1:
        steps_->revise();
        break;
      default:
        steps_->update();
    }
  }
  void after_sample() override { steps_->record(); }
  void poison() override {}

  Verification verify() override {
    Checker checker;
    check_loads(checker);
    for (const Claim& claim : steps_->check()) checker.add(claim);
    checker.claim(
        "with the router reached, the choice of tokens drawn from the seed against the reference gate, bit for bit");
    steps_->gate();
    check_choice(checker, problem_, steps_->state(), steps_->x(), steps_->chosen());
    return checker.result();
  }

  void finish(CaseResult& result) override {
    result.notes["kernel"] = problem_.kernels(kernel_of(spec_)).description();
    trajectory_ = steps_->trajectory();
    problem_.adopt(scheme_of(spec_), kernel_of(spec_), steps_->take_state());
  }

  const BalancingTrajectory& trajectory() const override { return trajectory_; }

 private:
  void check_loads(Checker& checker) const {
    const BalancingTrajectory& trajectory = steps_->trajectory();
    checker.claim("as many steps as asked for, the loads of each add up to K copies per token");
    checker.same(trajectory.num_steps == problem_.workload().balancing.steps);
    const std::int64_t copies = problem_.tokens_global() * problem_.workload().model.gate.top_k;
    for (std::int64_t step = 0; step < trajectory.num_steps; ++step) {
      const auto begin = trajectory.load.begin() + step * trajectory.num_experts;
      checker.same(std::accumulate(begin, begin + trajectory.num_experts, std::int64_t{0}) == copies);
    }
  }

  Problem& problem_;
  CaseSpec spec_;
  std::unique_ptr<BalancingSteps> steps_;
  BalancingTrajectory trajectory_;
  double ceiling_ = 0;
};

const BenchmarkRegistration registration({.name = "balance",
                                          .summary = "dynamics of the balancing scheme over its steps",
                                          .order = 0,
                                          .axes = {scheme_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<BalanceBenchmark>(problem, spec);
                                          },
                                          .runs_gate = true,
                                          .needs = {Need::router, Need::tokens, Need::trajectory}});

}  // namespace
}  // namespace moeperf
