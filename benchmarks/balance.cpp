// balance: the dynamics of a balancing scheme, step by step on fresh tokens. Its samples are the steps
// themselves; the load, MaxVio, drops, bias or loss of each go into the report's balancing table, and the
// layer is measured in the state that the last step reached.

#include "benchmarks/suite/balancing_steps.hpp"
#include "benchmarks/suite/benchmark_kind.hpp"
#include "benchmarks/suite/choice_check.hpp"
#include "benchmarks/suite/product_ceiling.hpp"
#include "benchmarks/suite/trajectory_check.hpp"

namespace moeperf {
namespace {

class BalanceBenchmark final : public Benchmark, public TrajectorySource {
 public:
  BalanceBenchmark(Problem& problem, const CaseSpec& spec) : problem_(problem), spec_(spec) {}

  void prepare() override {
    steps_ = std::make_unique<BalancingSteps>(problem_, spec_.scheme, spec_.kernel);
    ceiling_ = product_ceiling(problem_.kernels(spec_.kernel), DType::f32);
  }

  std::vector<PhaseInfo> phases() const override {
    PhaseInfo gate{"gate", {}, {}, 1, Role::measured};
    PhaseInfo revise{"revise", {}, {}, 1, Role::measured};
    PhaseInfo update{"update", {}, {}, 1, Role::measured};
    const ModelShape& model = problem_.workload().model;
    gate.work.flop_useful = gate.work.flop_executed =
        2.0 * static_cast<double>(problem_.num_tokens() * model.hidden) * model.gate.num_experts;
    gate.ceiling_flop_per_s = ceiling_;
    return {gate, revise, update};
  }

  std::optional<std::int64_t> fixed_samples() const override { return problem_.workload().balancing.steps; }
  void before_sample() override { steps_->next_batch(); }
  void run(std::size_t phase) override {
    switch (phase) {
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
    const BalancingConfig& balancing = problem_.workload().balancing;
    const BalancingTrajectory& trajectory = steps_->trajectory();
    const bool with_bias = !trajectory.bias.empty();
    const bool with_loss = can_check_aux_loss(balancing.aux_loss, trajectory);
    Checker checker(
        std::string("the loads of every step add up to K copies per token") +
        (with_bias ? "; every bias follows from the loads of the step before" : "") +
        (with_loss ? "; the last loss follows from its loads and logits" : "") +
        "; with the router reached, the choice of tokens drawn from the seed against the reference gate, bit for bit");
    check_loads(checker, problem_, trajectory);
    check_bias(checker, balancing.loss_free, trajectory);
    if (with_loss) check_aux_loss(checker, problem_, trajectory, steps_->logits());
    steps_->gate();
    check_choice(checker, problem_, steps_->state(), steps_->x(), steps_->chosen());
    return checker.result();
  }

  void finish(CaseResult& result) override {
    result.notes["kernel"] = problem_.kernels(spec_.kernel).description();
    trajectory_ = steps_->trajectory();
    problem_.adopt(spec_.scheme, spec_.kernel, steps_->take_state());
  }

  const BalancingTrajectory& trajectory() const override { return trajectory_; }

 private:
  Problem& problem_;
  CaseSpec spec_;
  std::unique_ptr<BalancingSteps> steps_;
  BalancingTrajectory trajectory_;
  double ceiling_ = 0;
};

const BenchmarkRegistration registration({"balance", "dynamics of the balancing scheme over its steps", 0, true, false,
                                          [](Problem& problem, const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<BalanceBenchmark>(problem, spec);
                                          },
                                          false, false, false, true});

}  // namespace
}  // namespace moeperf
