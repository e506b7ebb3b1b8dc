#include "benchmarks/cli/route_options.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

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
      {"group_score = \"top2_sum\"", "--group-score top2_sum"},
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

}  // namespace

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

BiasSource bias_source(const RouteOptions& options, bool logits_have_bias) {
  if (options.bias.empty()) return {logits_have_bias ? options.logits : ""};
  std::error_code ignored;
  const std::size_t colon = options.bias.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(options.bias, ignored)) return {options.bias};
  return {options.bias.substr(0, colon), options.bias.substr(colon + 1)};
}

std::vector<RoutingWriter::Attribute> attributes_of(const RouteOptions& options, const LogitsReader& logits) {
  const auto text = [](std::string_view value) { return std::string(value); };
  const GateConfig& gate = options.gate;
  return {{"layout", text(own_layout)},
          {"logits", options.logits},
          {"layer", options.layout.layer},
          {"mask", std::int64_t{logits.has_mask()}},
          {"initial_bias", bias_source(options, logits.has_bias()).text()},
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
          {"center", std::int64_t{options.loss_free.center}},
          {"alpha", options.aux_loss.alpha},
          {"aux_scope", text(name(options.aux_loss.scope))},
          {"sequence_length", options.aux_loss.sequence_length},
          {"capacity_factor", options.aux_loss.capacity_factor},
          {"drop_policy", text(name(options.aux_loss.drop_policy))}};
}

}  // namespace moeperf
