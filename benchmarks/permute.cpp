// permute: a rank's rows from token order to expert order (gather of K copies per token) and back (weighted
// sum). Baseline: a plain memory copy of as many bytes as the gather writes, by the same threads.

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/baselines/memory_copy.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/checker.hpp"
#include "kernels/list_copies.hpp"
#include "kernels/rows_on_host.hpp"

#include <algorithm>
#include <optional>

namespace moeperf {
namespace {

class PermuteBenchmark final : public Benchmark {
 public:
  PermuteBenchmark(Problem& problem, const CaseSpec& spec)
      : problem_(problem), spec_(spec), backend_(problem.kernels(kernel_of(spec))), plan_(backend_.memory()) {}

  void prepare() override {
    const ModelShape& model = problem_.workload().model;
    permuter_ = backend_.make_permuter();
    state_ = &problem_.state(scheme_of(spec_), kernel_of(spec_));
    routing_ = &state_->dispatched();
    x_ = problem_.x(kernel_of(spec_));
    plan();
    num_rows_ = ListOnHost<std::int64_t>().of(plan_.offsets, backend_.queue()).back();
    permuted_ = RowBuffer(num_rows_, model.hidden, model.dtype, backend_.memory());
    out_ = RowBuffer(x_.num_rows(), model.hidden, model.dtype, backend_.memory());
    copy_.emplace(permuted_.rows().bytes());
  }

  std::vector<PartInfo> parts() const override {
    return {{.name = "plan"},
            {.name = "permute", .baselines = {"memory_copy"}},
            {.name = "unpermute", .baselines = {"memory_copy"}},
            {.name = "memory_copy", .role = Role::baseline}};
  }

  WorkModel work(std::size_t part) const override {
    const double copies = static_cast<double>(permuted_.rows().bytes());
    const auto num_copies = static_cast<double>(routing_->topk_idx.size());
    WorkModel work;
    switch (part) {
      case 0:
        work.memory_bytes = num_copies * (4 + 8 + 8);
        break;
      case 1:
      case 2:
        work.memory_bytes = static_cast<double>(x_.bytes()) + copies;
        work.logical_bytes = num_copies * static_cast<double>(x_.row_bytes());
        work.useful_bytes = copies;
        if (part == 2) {
          work.flop_useful = work.flop_executed = 2 * copies / static_cast<double>(size_bytes(x_.dtype()));
        }
        break;
      default:
        work.memory_bytes = 2 * copies;
        work.logical_bytes = work.useful_bytes = copies;
    }
    return work;
  }

  void run(std::size_t part) override {
    switch (part) {
      case 0:
        plan();
        break;
      case 1:
        permuter_->gather(x_, plan_.token_of_row.view().part(0, num_rows_), permuted_.rows());
        break;
      case 2:
        permuter_->weighted_sum(permuted_.rows(), plan_.row_of_copy, routing_->topk_weights, routing_->top_k,
                                out_.rows());
        break;
      default:
        copy_->run();
    }
    backend_.queue().wait();
  }

  void poison() override {
    moeperf::poison(permuted_.rows(), backend_.queue());
    moeperf::poison(out_.rows(), backend_.queue());
    copy_->poison();
    for (Array<std::int64_t>* list : {&plan_.row_of_copy, &plan_.token_of_row}) {
      Array<std::int64_t> zeros;
      zeros.resize(list->size());
      backend_.queue().copy(std::as_const(zeros).view(), list->view());
      backend_.queue().wait();
    }
  }

  Verification verify() override {
    auto reference = problem_.backends().reference().make_permuter();
    const ModelShape& model = problem_.workload().model;
    const Routing& routing = state_->routing;
    PermutePlan expected;
    reference->plan(routing.topk_idx, routing.num_tokens, routing.top_k, model.gate.num_experts, expected);
    Checker checker("the plan against the reference permuter's");
    Queue& queue = backend_.queue();
    checker.same(expected.offsets == ListOnHost<std::int64_t>().of(plan_.offsets, queue));
    checker.same(expected.row_of_copy == ListOnHost<std::int64_t>().of(plan_.row_of_copy, queue));
    checker.same(expected.token_of_row ==
                 ListOnHost<std::int64_t>().of(plan_.token_of_row.view().part(0, num_rows_), queue));
    const RowsOnHost permuted(permuted_.rows(), queue), out(out_.rows(), queue);
    const ConstRows x = problem_.x();
    checker.claim("every permuted row bit for bit");
    for (std::int64_t row = 0; row < expected.num_rows(); ++row) {
      checker.same_bits(permuted.rows(), row, x.row_data(expected.token_of_row[static_cast<std::size_t>(row)]));
    }
    RowBuffer sums(out.rows().num_rows(), model.hidden, model.dtype);
    reference->weighted_sum(permuted.rows(), expected.row_of_copy, routing.topk_weights, routing.top_k, sums.rows());
    checker.claim("every weighted sum against the reference permuter's, bit for bit");
    for (std::int64_t token = 0; token < sums.rows().num_rows(); ++token) {
      checker.same_bits(out.rows(), token, sums.rows().row_data(token));
    }
    checker.claim("the memory copy byte for byte");
    copy_->check(checker);
    return checker.result();
  }

  void finish(CaseResult& result) override { result.notes["kernel"] = backend_.description(); }

 private:
  void plan() {
    permuter_->plan(routing_->topk_idx, routing_->num_tokens, routing_->top_k,
                    problem_.workload().model.gate.num_experts, plan_);
  }

  Problem& problem_;
  CaseSpec spec_;
  KernelBackend& backend_;
  std::unique_ptr<Permuter> permuter_;
  const SchemeState* state_ = nullptr;
  const Routing* routing_ = nullptr;  // in the memory of the kernels
  ConstRows x_;
  PermutePlan plan_;
  std::int64_t num_rows_ = 0;
  RowBuffer permuted_, out_;
  std::optional<MemoryCopy> copy_;
};

const BenchmarkRegistration registration({.name = "permute",
                                          .summary = "rows to expert order and back, on one rank",
                                          .order = 3,
                                          .axes = {scheme_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<PermuteBenchmark>(problem, spec);
                                          },
                                          .needs = {Need::router, Need::tokens, Need::copies}});

}  // namespace
}  // namespace moeperf
