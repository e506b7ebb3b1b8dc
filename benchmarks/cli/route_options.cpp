#include "benchmarks/cli/route_options.hpp"

#include "kernels/balancing/scheme.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>

namespace moeperf {
namespace {

/// What the rules of workloads call model.top_k is here --top-k.
std::string in_terms_of_options(std::string text) {
  static constexpr std::pair<const char*, const char*> names[] = {
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

/// To ask what a scheme is like; it counts nothing.
std::unique_ptr<BalancingScheme> sample_of(const std::string& scheme) {
  static SoloReducer alone;
  GateConfig gate;
  gate.num_experts = gate.top_k = 1;
  return make_scheme(scheme, gate, {}, alone);
}

template <class Value>
auto attribute_value(const Value& value) {
  if constexpr (std::is_same_v<Value, bool>) {
    return std::int64_t{value};
  } else {
    return value;
  }
}

}  // namespace

std::string option_of(const std::string& setting) {
  std::string option = "--" + setting;
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

std::vector<std::string> route_schemes() {
  std::vector<std::string> names;
  for (const auto& entry : scheme_registry().entries()) {
    if (scheme_registry().why_not(entry, SchemeContext{})) continue;
    if (!sample_of(entry.name)->replaces_choice()) names.push_back(entry.name);
  }
  return names;
}

std::optional<Setting> find_setting(const std::string& scheme, const std::string& name) {
  const std::vector<Setting>& settings = scheme_registry().at(scheme).traits.settings;
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.name == name; });
  return found == settings.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::string> schemes_with(const std::string& setting) {
  std::vector<std::string> names = route_schemes();
  std::erase_if(names, [&](const std::string& scheme) { return !find_setting(scheme, setting); });
  return names;
}

Settings route_settings(const RouteOptions& options) {
  return {scheme_registry().at(options.scheme).traits.settings, options.settings};
}

bool has_loss(const RouteOptions& options) { return sample_of(options.scheme)->has_loss(); }

void check_options(const RouteOptions& options) {
  Workload workload;
  workload.model.hidden = workload.model.intermediate = 1;  // no part in routing
  workload.model.gate = options.gate;
  workload.phases.emplace_back();
  if (const auto violation = first_violation(workload)) {
    throw UserError(in_terms_of_options(violation->key + ": " + violation->message));
  }
  for (const auto& [name, value] : options.settings) {
    const auto found = find_setting(options.scheme, name);
    if (!found) {
      throw UserError(fmt::format("{}: is no option of scheme {}; accepted with: {}", option_of(name), options.scheme,
                                  fmt::join(schemes_with(name), ", ")));
    }
    if (const auto reason = why_not_accepted(*found, value)) throw UserError(option_of(name) + ": " + *reason);
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
  std::vector<RoutingWriter::Attribute> attributes{{"layout", text(own_layout)},
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
                                                   {"routed_scale", gate.routed_scale}};
  const Settings settings = route_settings(options);
  for (const auto& [setting, value] : settings.all()) {
    std::visit([&, &key = setting.name](const auto& v) { attributes.emplace_back(key, attribute_value(v)); }, value);
  }
  return attributes;
}

}  // namespace moeperf
