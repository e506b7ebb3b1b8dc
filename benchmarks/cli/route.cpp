#include "benchmarks/cli/route.hpp"

#include "benchmarks/cli/route_gather.hpp"
#include "harness/agreement.hpp"
#include "kernels/balancing/aux_loss_batch.hpp"
#include "kernels/balancing/capacity.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/base/load_measures.hpp"
#include "kernels/reference/select.hpp"
#include "results/logits_file.hpp"
#include "results/routing_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>

namespace moeperf {
namespace {

/// What the rules of workloads call model.top_k is here --top-k.
std::string in_terms_of_options(std::string text) {
  static constexpr std::pair<const char*, const char*> names[] = {
      {"balancing.aux-loss.alpha", "--alpha"},
      {"balancing.aux-loss.sequence_length", "--sequence-length"},
      {"balancing.aux-loss.capacity_factor", "--capacity-factor"},
      {"balancing.loss-free.bias_rate", "--bias-rate"},
      {"model.top_k", "--top-k"},
      {"model.groups", "--groups"},
      {"model.topk_groups", "--topk-groups"},
      {"model.routed_scale", "--routed-scale"},
      {"model.experts", "the number of experts"},
  };
  for (const auto& [key, option] : names) {
    for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key)) {
      text.replace(at, std::string_view(key).size(), option);
    }
  }
  return text;
}

void check_options(const RouteOptions& options) {
  Workload workload;
  workload.model.hidden = workload.model.intermediate = 1;  // no part in routing
  workload.model.gate = options.gate;
  workload.phases.emplace_back();
  workload.balancing.aux_loss = options.aux_loss;
  workload.balancing.loss_free = options.loss_free;
  if (const auto violation = first_violation(workload)) {
    throw UserError(in_terms_of_options(violation->key + ": " + violation->message));
  }
  if (options.scheme == "loss-free" && options.aux_loss.capacity_factor != 0) {
    throw UserError("--capacity-factor: loss-free balancing drops no token; accepted: --scheme none or aux-loss");
  }
}

std::vector<RoutingWriter::Attribute> attributes_of(const RouteOptions& options) {
  const auto text = [](std::string_view value) { return std::string(value); };
  const GateConfig& gate = options.gate;
  return {{"logits", options.logits},
          {"scheme", options.scheme},
          {"num_experts", std::int64_t{gate.num_experts}},
          {"top_k", std::int64_t{gate.top_k}},
          {"score", text(name(gate.score))},
          {"softmax_after_topk", std::int64_t{gate.softmax_after_topk}},
          {"groups", std::int64_t{gate.groups}},
          {"topk_groups", std::int64_t{gate.topk_groups}},
          {"group_score", text(name(gate.group_score))},
          {"norm_topk", std::int64_t{gate.norm_topk}},
          {"routed_scale", gate.routed_scale},
          {"bias_rate", options.loss_free.bias_rate},
          {"bias_rule", text(name(options.loss_free.bias_rule))},
          {"alpha", options.aux_loss.alpha},
          {"aux_scope", text(name(options.aux_loss.scope))},
          {"sequence_length", options.aux_loss.sequence_length},
          {"capacity_factor", options.aux_loss.capacity_factor},
          {"drop_policy", text(name(options.aux_loss.drop_policy))}};
}

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
        aux_loss_(options.gate, options.aux_loss, reducer_),
        capacity_(options.gate.num_experts, options.aux_loss.capacity_factor, options.aux_loss.drop_policy),
        logits_(static_cast<std::size_t>(num_own_ * shape.num_experts)) {
    const auto experts = static_cast<std::size_t>(shape.num_experts);
    state_.bias.assign(experts, 0.0f);
    load_.resize(experts);
    dropped_.resize(experts);
    if (options.scheme == "loss-free") {
      SchemeContext context;
      context.gate = options.gate;
      context.balancing.loss_free = options.loss_free;
      context.reducer = &reducer_;
      scheme_ = scheme_registry().make(options.scheme, context);
    }
  }

  bool with_aux_loss() const { return options_.scheme == "aux-loss"; }

  void open() {
    agree([&] { reader_.emplace(options_.logits); });
  }

  /// Collective. `writer` is null except on rank 0. Returns the step's MaxVio.
  double step(std::int64_t step, RoutingWriter* writer) {
    agree([&] { reader_->read(step, blocks_.first(comm_.rank()), logits_); });
    choose();
    double loss = 0.0;
    if (with_aux_loss()) {
      gradient_.resize(logits_.size());
      loss = aux_loss_.evaluate<double>(logits_, chosen_.topk_idx, gradient_);
    }
    kept_ = chosen_;
    capacity_.drop(kept_);
    count();
    const double maxvio = max_violation(load_);
    write(step, writer, maxvio, loss);
    if (scheme_ != nullptr) scheme_->update(state_, GateBatch{{}, {}, &chosen_, blocks_.first(comm_.rank())});
    return maxvio;
  }

 private:
  /// A reason on one rank is an error on all.
  void agree(const std::function<void()>& body) {
    if (const auto failure = failure_on_any_rank(comm_, body)) throw UserError(*failure);
  }

  void choose() {
    const auto experts = static_cast<std::size_t>(shape_.num_experts);
    const auto k = static_cast<std::size_t>(options_.gate.top_k);
    chosen_.resize(num_own_, options_.gate.top_k);
#pragma omp parallel
    {
      std::vector<double> weights(k);
#pragma omp for schedule(static)
      for (std::int64_t t = 0; t < num_own_; ++t) {
        const auto row = static_cast<std::size_t>(t);
        reference_select_row<double>(options_.gate, std::span<const double>(logits_).subspan(row * experts, experts),
                                     state_.bias, std::span(chosen_.topk_idx).subspan(row * k, k), weights);
        for (std::size_t i = 0; i < k; ++i) chosen_.topk_weights[row * k + i] = static_cast<float>(weights[i]);
      }
    }
  }

  void count() {
    load_ = count_tokens_per_expert(chosen_, options_.gate.num_experts);
    dropped_ = count_tokens_per_expert(kept_, options_.gate.num_experts);
    for (std::size_t i = 0; i < load_.size(); ++i) dropped_[i] = load_[i] - dropped_[i];
    reducer_.sum(std::span(load_));
    reducer_.sum(std::span(dropped_));
  }

  void write(std::int64_t step, RoutingWriter* writer, double maxvio, double loss) {
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
    if (with_aux_loss()) {
      forward_rows_to_root<double>(comm_, blocks_, shape_.num_experts, gradient_, [&](auto first, auto rows) {
        guarded([&] { writer->write_gradient(step, first, rows); });
      });
    }
    if (writer != nullptr) guarded([&] { writer->write_summary(step, {load_, dropped_, state_.bias, maxvio, loss}); });
    failure = comm_.broadcast(failure);
    if (!failure.empty()) throw Error(options_.out + ": " + failure);
  }

  const RouteOptions& options_;
  const Communicator& comm_;
  LogitsShape shape_;
  TokenBlocks blocks_;
  std::int64_t num_own_;
  MpiReducer reducer_;
  AuxLossBatch aux_loss_;
  CapacityLimiter capacity_;
  std::unique_ptr<BalancingScheme> scheme_;  // only loss-free acts on what the recorded logits leave open
  std::optional<LogitsReader> reader_;
  GateState state_;
  std::vector<double> logits_;    // own block [n,E]
  std::vector<double> gradient_;  // own block [n,E]
  Routing chosen_, kept_;
  std::vector<std::int64_t> load_, dropped_;
};

}  // namespace

int run_route(const RouteOptions& given, const Communicator& comm) {
  RouteOptions options = given;
  std::unique_ptr<RoutingWriter> writer;
  std::int64_t shape[3] = {};
  on_root(comm, [&] {
    const LogitsShape found = LogitsReader(options.logits).shape();
    shape[0] = found.num_steps, shape[1] = found.num_tokens, shape[2] = found.num_experts;
    options.gate.num_experts = static_cast<std::int32_t>(found.num_experts);
    check_options(options);
    std::error_code ignored;
    if (std::filesystem::equivalent(options.logits, options.out, ignored)) {
      throw UserError(options.out + ": is the file of the logits; accepted: another name");
    }
    writer = std::make_unique<RoutingWriter>(options.out, options.force, found, options.gate.top_k,
                                             options.scheme == "aux-loss", attributes_of(options));
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
        "{}: {} steps of {} tokens over {} experts, scheme {}; MaxVio {:.3f} at the first step, {:.3f} at the last\n",
        options.out, shape[0], shape[1], shape[2], options.scheme, first_maxvio, last_maxvio);
  });
  return exit_ok;
}

}  // namespace moeperf
