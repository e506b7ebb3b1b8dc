#include "benchmarks/cli/route.hpp"

#include "benchmarks/cli/route_gather.hpp"
#include "benchmarks/cli/route_options.hpp"
#include "harness/agreement.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/base/counted.hpp"
#include "kernels/base/load_measures.hpp"
#include "kernels/optimizer.hpp"
#include "kernels/reference/select.hpp"
#include "results/logits_file.hpp"
#include "results/routing_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>

namespace moeperf {
namespace {

/// One rank's part of the run: reads, routes and hands over step by step.
class Router {
 public:
  Router(const RouteOptions& options, const Communicator& comm, const LogitsShape& shape)
      : options_(options),
        comm_(comm),
        shape_(shape),
        blocks_{shape.num_tokens, comm.size()},
        num_own_(blocks_.count(comm.rank())),
        reducer_(comm),
        scheme_(scheme_registry().make(options.scheme, {options.gate, route_settings(options), &reducer_})),
        logits_(static_cast<std::size_t>(num_own_ * shape.num_experts)),
        is_token_(static_cast<std::size_t>(num_own_)) {
    const auto experts = static_cast<std::size_t>(shape.num_experts);
    load_.resize(experts);
    dropped_.resize(experts);
  }

  void open() {
    agree([&] {
      reader_.emplace(options_.logits, options_.layout);
      const BiasSource bias = bias_source(options_, reader_->has_bias());
      state_.bias = bias.path.empty() ? std::vector<float>(static_cast<std::size_t>(shape_.num_experts), 0.0f)
                                      : read_bias(bias.path, bias.dataset, shape_.num_experts);
    });
  }

  /// Collective. `writer` is null except on rank 0. Returns the step's MaxVio.
  double step(std::int64_t step, RoutingWriter* writer) {
    agree([&] {
      reader_->read(step, blocks_.first(comm_.rank()), logits_, is_token_);
      choose(step);
    });
    const std::int64_t first = blocks_.first(comm_.rank());
    const RouterChange change = scheme_->update(
        {.routing = &chosen_, .first_token = first, .bias = state_.bias, .logits_f64 = logits_}, state_.extra);
    kept_ = chosen_;
    scheme_->revise(kept_, first);
    count();
    const double maxvio = max_violation(load_);
    write(step, writer, maxvio, change);
    apply_bias(change, state_);
    return maxvio;
  }

 private:
  /// A reason on one rank is an error on all.
  void agree(const std::function<void()>& body) {
    if (const auto failure = failure_on_any_rank(comm_, body)) throw UserError(*failure);
  }

  void choose(std::int64_t step) {
    const auto experts = static_cast<std::size_t>(shape_.num_experts);
    const auto k = static_cast<std::size_t>(options_.gate.top_k);
    chosen_.resize(num_own_, options_.gate.top_k);
    std::int64_t first_short = num_own_;  // the first token without K experts to choose from
#pragma omp parallel
    {
      std::vector<double> weights(k);
#pragma omp for schedule(static) reduction(min : first_short)
      for (std::int64_t t = 0; t < num_own_; ++t) {
        const auto row = static_cast<std::size_t>(t);
        const auto experts_of_token = chosen_.topk_idx.host().subspan(row * k, k);
        const auto weights_of_token = chosen_.topk_weights.host().subspan(row * k, k);
        if (is_token_[row] == 0) {
          std::fill(experts_of_token.begin(), experts_of_token.end(), -1);
          std::fill(weights_of_token.begin(), weights_of_token.end(), 0.0f);
          continue;
        }
        const std::int64_t num_left = reference_select_row<double>(
            options_.gate, std::span<const double>(logits_).subspan(row * experts, experts), state_.bias,
            experts_of_token, weights, MaskedExperts::minus_infinity);
        if (num_left < options_.gate.top_k) first_short = std::min(first_short, t);
        for (std::size_t i = 0; i < k; ++i) weights_of_token[i] = static_cast<float>(weights[i]);
      }
    }
    if (first_short == num_own_) return;
    throw UserError(
        fmt::format("{}: logits[step {}, token {}] leaves fewer than {} experts to choose from, the others "
                    "are masked (-inf){}; accepted: at least --top-k ({}) of them",
                    options_.logits, step, blocks_.first(comm_.rank()) + first_short, options_.gate.top_k,
                    options_.gate.groups > 1 ? " or in groups not kept" : "", options_.gate.top_k));
  }

  void count() {
    load_ = count_tokens_per_expert(chosen_, options_.gate.num_experts);
    dropped_ = count_tokens_per_expert(kept_, options_.gate.num_experts);
    for (std::size_t i = 0; i < load_.size(); ++i) dropped_[i] = load_[i] - dropped_[i];
    reducer_.sum(std::span(load_));
    reducer_.sum(std::span(dropped_));
  }

  void write(std::int64_t step, RoutingWriter* writer, double maxvio, const RouterChange& change) {
    // After a failed write rank 0 goes on receiving; the ranks learn of it together, at the end.
    std::string failure;
    const auto guarded = [&](const auto& body) {
      if (!failure.empty()) return;
      try {
        body();
      } catch (const std::exception& error) {
        failure = error.what();
      }
    };
    forward_rows_to_root<std::int32_t>(comm_, blocks_, options_.gate.top_k, kept_.topk_idx, [&](auto first, auto rows) {
      guarded([&] { writer->write_indices(step, first, rows); });
    });
    forward_rows_to_root<float>(comm_, blocks_, options_.gate.top_k, kept_.topk_weights, [&](auto first, auto rows) {
      guarded([&] { writer->write_weights(step, first, rows); });
    });
    if (scheme_->has_loss()) {
      forward_rows_to_root<double>(
          comm_, blocks_, shape_.num_experts, change.logit_gradient,
          [&](auto first, auto rows) { guarded([&] { writer->write_gradient(step, first, rows); }); });
    }
    if (writer != nullptr)
      guarded([&] { writer->write_summary(step, {load_, dropped_, state_.bias, maxvio, change.loss}); });
    failure = comm_.broadcast(failure);
    if (!failure.empty()) throw Error(options_.out + ": " + failure);
  }

  const RouteOptions& options_;
  const Communicator& comm_;
  LogitsShape shape_;
  TokenBlocks blocks_;
  std::int64_t num_own_;
  MpiReducer reducer_;
  std::unique_ptr<BalancingScheme> scheme_;
  std::optional<LogitsReader> reader_;
  GateState state_;
  std::vector<double> logits_;          // own block [n,E]
  std::vector<std::uint8_t> is_token_;  // [n]; 0: padding
  Routing chosen_, kept_;
  std::vector<std::int64_t> load_, dropped_;
};

}  // namespace

int run_route(const RouteOptions& given, const Communicator& comm) {
  RouteOptions options = given;
  std::unique_ptr<RoutingWriter> writer;
  std::int64_t shape[3] = {};
  on_root(comm, [&] {
    const LogitsReader reader(options.logits, options.layout);
    const LogitsShape found = reader.shape();
    shape[0] = found.num_steps, shape[1] = found.num_tokens, shape[2] = found.num_experts;
    options.gate.num_experts = static_cast<std::int32_t>(found.num_experts);
    check_options(options);
    std::error_code ignored;
    if (std::filesystem::equivalent(options.logits, options.out, ignored)) {
      throw UserError(options.out + ": is the file of the logits; accepted: another name");
    }
    if (std::filesystem::equivalent(bias_source(options, reader.has_bias()).path, options.out, ignored)) {
      throw UserError(options.out + ": is the file of the bias; accepted: another name");
    }
    writer = std::make_unique<RoutingWriter>(options.out, options.force, found, options.gate.top_k, has_loss(options),
                                             attributes_of(options, reader));
  });
  mpi_check(MPI_Bcast(shape, 3, MPI_INT64_T, 0, comm.get()), "MPI_Bcast");
  options.gate.num_experts = static_cast<std::int32_t>(shape[2]);

  Router router(options, comm, {shape[0], shape[1], shape[2]});
  router.open();
  double first_maxvio = 0.0, last_maxvio = 0.0;
  for (std::int64_t step = 0; step < shape[0]; ++step) {
    last_maxvio = router.step(step, writer.get());
    if (step == 0) first_maxvio = last_maxvio;
  }
  on_root(comm, [&] {
    writer->finish();
    if (options.summary == nullptr) return;
    *options.summary << fmt::format(
        "{}: {} of {} over {}, scheme {}; MaxVio {:.3f} at the first step, {:.3f} at the last\n", options.out,
        counted(shape[0], "step"), counted(shape[1], "token"), counted(shape[2], "expert"), options.scheme,
        first_maxvio, last_maxvio);
  });
  return exit_ok;
}

}  // namespace moeperf
