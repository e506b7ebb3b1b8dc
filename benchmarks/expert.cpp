// expert: the grouped FFN of one rank's experts on the rows that the scheme's routing sends there. Baseline: one
// plain GEMM of 1024 rows of the same element type ([1024,H]·[H,I] per matrix of the expert), scaled to the
// FLOP of the rank with the most.

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/baselines/product_ceiling.hpp"
#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/checker.hpp"
#include "benchmarks/verification/plain_gemm_check.hpp"
#include "benchmarks/verification/reference_experts.hpp"
#include "kernels/list_copies.hpp"
#include "kernels/rows_on_host.hpp"

namespace moeperf {
namespace {

class ExpertBenchmark final : public Benchmark {
 public:
  ExpertBenchmark(Problem& problem, const CaseSpec& spec)
      : problem_(problem), spec_(spec), backend_(problem.kernels(kernel_of(spec))), list_(backend_) {}

  void prepare() override {
    const ModelShape& model = problem_.workload().model;
    experts_ = &problem_.experts(kernel_of(spec_));
    const SchemeState& state = problem_.state(scheme_of(spec_), kernel_of(spec_));
    const CaseSpec supply = spec_.with(dispatcher_axis, best_dispatcher(problem_, kernel_of(spec_)));
    auto dispatcher = make_dispatcher(problem_, supply);
    const auto exchange = dispatcher->plan(state.dispatched());
    const ReceivedTokens received = exchange->dispatch(problem_.x(kernel_of(spec_)));
    offsets_.assign(ListOnHost<std::int64_t>().of(received.groups.offsets, backend_.queue()));
    list_.set(offsets_.host());
    in_ = RowBuffer(received.rows.num_rows(), received.rows.format(), backend_.memory());
    backend_.queue().copy(received.rows, in_.rows());
    backend_.queue().wait();
    out_ = RowBuffer(in_.rows().num_rows(), model.hidden, model.dtype, backend_.memory());
    sets_ = problem_.weights().set_of_expert(problem_.comm().rank());
    gemm_ = backend_.make_plain_gemm(1024, 2 * model.intermediate, model.hidden, model.dtype);
    most_flop_ = problem_.comm().max(static_cast<double>(useful_flop()));
    ceiling_ = product_ceiling(problem_.backends(), backend_, model.dtype);
  }

  std::vector<PartInfo> parts() const override {
    return {{.name = "expert",
             .baselines = {"plain_gemm"},
             .baseline_work_ratio = most_flop_ / static_cast<double>(gemm_->flop()),
             .ceiling_flop_per_s = ceiling_},
            {.name = "plain_gemm", .role = Role::baseline, .ceiling_flop_per_s = ceiling_}};
  }

  WorkModel work(std::size_t part) const override {
    WorkModel work;
    if (part == 1) {
      work.flop_useful = work.flop_executed = static_cast<double>(gemm_->flop());
      return work;
    }
    work.flop_useful = static_cast<double>(useful_flop());
    work.flop_executed = static_cast<double>(experts_->executed_flop(RowGroups::contiguous(offsets_)));
    double weights = 0;
    for (std::size_t e = 0; e + 1 < offsets_.size(); ++e) {
      if (offsets_[e + 1] > offsets_[e]) weights += static_cast<double>(shape().weight_bytes());
    }
    work.memory_bytes = weights + static_cast<double>(in_.rows().bytes() + out_.rows().bytes());
    return work;
  }

  void run(std::size_t part) override {
    if (part == 0) {
      experts_->forward(std::as_const(in_).rows(), RowGroups::contiguous(list_.view()), sets_, out_.rows());
    } else {
      gemm_->run();
    }
    backend_.queue().wait();
  }

  void poison() override {
    moeperf::poison(out_.rows(), backend_.queue());
    moeperf::poison(*gemm_, backend_.queue());
  }

  Verification verify() override {
    ReferenceExperts reference(problem_);
    const RowsOnHost in(in_.rows(), backend_.queue()), out(out_.rows(), backend_.queue());
    const std::int64_t wanted = std::max<std::int64_t>(2, 400'000'000 / shape().flop_per_row());
    const auto rows = sample_rows(problem_.seed(), 2, in_.rows().num_rows(), std::min<std::int64_t>(wanted, 16));
    Checker checker("up to " + std::to_string(std::min<std::int64_t>(wanted, 16)) +
                        " rows per rank, drawn from the seed, against the reference expert",
                    expert_tolerance(shape()));
    const std::int32_t first = problem_.placement().first_expert(problem_.comm().rank());
    for (const std::int64_t row : rows) {
      std::int32_t local = 0;
      while (offsets_[static_cast<std::size_t>(local) + 1] <= row) ++local;
      checker.close(out.rows(), row, reference.routed(first + local, in.rows().slice(row, 1)));
    }
    check_plain_gemm(checker, *gemm_, backend_.queue(), problem_.seed());
    return checker.result();
  }

  void finish(CaseResult& result) override {
    result.notes["kernel"] = backend_.description();
    result.notes["baseline"] = "plain_gemm scaled to the FLOP of the rank with the most rows";
  }

 private:
  ExpertShape shape() const { return routed_expert_shape(problem_.workload().model); }
  std::int64_t useful_flop() const { return in_.rows().num_rows() * shape().flop_per_row(); }

  Problem& problem_;
  CaseSpec spec_;
  KernelBackend& backend_;
  ExpertFfn* experts_ = nullptr;
  std::unique_ptr<PlainGemm> gemm_;
  Array<std::int64_t> offsets_;        // of the groups, on the host
  ListForKernels<std::int64_t> list_;  // the same for the kernels
  std::vector<std::int32_t> sets_;
  RowBuffer in_, out_;
  double most_flop_ = 0, ceiling_ = 0;
};

const BenchmarkRegistration registration({.name = "expert",
                                          .summary = "grouped expert FFN on the rows a rank receives",
                                          .order = 4,
                                          .axes = {scheme_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<ExpertBenchmark>(problem, spec);
                                          },
                                          .needs = {Need::router, Need::tokens, Need::routed_experts, Need::exchange}});

}  // namespace
}  // namespace moeperf
