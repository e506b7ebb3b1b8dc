#include "results/show_layer.hpp"

#include "results/case_columns.hpp"
#include "results/case_key.hpp"
#include "results/derived.hpp"
#include "results/statistics.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace moeperf {
namespace {

std::vector<const CaseResult*> layer_cases(const std::vector<CaseResult>& cases) {
  std::vector<const CaseResult*> layers;
  for (const CaseResult& result : cases) {
    if (layer_tokens_per_s(result)) layers.push_back(&result);
  }
  return layers;
}

const CaseResult* with_scheme(const std::vector<const CaseResult*>& cases, const std::string& scheme) {
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const CaseResult* c) { return c->scheme == scheme; });
  return found == cases.end() ? nullptr : *found;
}

const Measurement& layer_phase(const CaseResult& result) {
  return *std::find_if(result.measurements.begin(), result.measurements.end(),
                       [](const Measurement& m) { return m.part == "layer"; });
}

/// "0.812 [0.805,0.820]": time of `base` over this one's, with a 95 % interval.
std::string speed_relative_to(const CaseResult* base, const CaseResult& result) {
  if (base == nullptr) return "-";
  if (base == &result) return "1";
  // The rate over the base's rate is the base's time over the time.
  const RatioOfMedians ratio =
      ratio_of_medians(max_over_ranks(layer_phase(result).samples), max_over_ranks(layer_phase(*base).samples));
  return interval_text(ratio);
}

}  // namespace

std::string layer_text(const std::vector<CaseResult>& cases) {
  // Cases that differ in nothing but the scheme stand together and are compared.
  const std::vector<const CaseResult*> layers = layer_cases(cases);
  const std::vector<std::string> settings = unique_case_keys(layers, {"scheme"});
  std::map<std::string, std::vector<const CaseResult*>> groups;
  std::vector<std::string> order;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto& group = groups[settings[i]];
    if (group.empty()) order.push_back(settings[i]);
    group.push_back(layers[i]);
  }
  if (order.empty()) return {};
  TextTable table{{"layer", "+-CI", "rate / none", "rate / ideal"},
                  {"tokens/s", "%", "[95 % CI]", "[95 % CI]"},
                  {true, true, true, true},
                  {}};
  std::vector<const CaseResult*> rows;
  for (const std::string& setting : order) {
    const auto& group = groups[setting];
    for (const CaseResult* result : group) {
      const double ci = relative_ci(max_over_ranks(layer_phase(*result).samples));
      rows.push_back(result);
      table.rows.push_back({short_number(*layer_tokens_per_s(*result), 5),
                            std::isfinite(ci) ? fmt::format("{:.1f}", 100 * ci) : "-",
                            speed_relative_to(with_scheme(group, "none"), *result),
                            speed_relative_to(with_scheme(group, "ideal"), *result)});
    }
  }
  add_case_columns(table, rows, {"workload", "phase", "scheme", "dispatcher", "kernel"});
  return "#\n# Layer: the whole layer under each scheme, and its rate relative to no balancing and to perfect "
         "balance.\n#\n" +
         table.text("# ", "# ");
}

std::string figures_of_merit(const std::vector<CaseResult>& cases) {
  const std::vector<const CaseResult*> layers = layer_cases(cases);
  const std::vector<std::string> keys = unique_case_keys(layers, {"benchmark"});
  std::string text;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    text +=
        fmt::format("layer_tokens_per_s[{}] = {:.6g} tokens/s\n", one_line(keys[i]), *layer_tokens_per_s(*layers[i]));
  }
  return text.empty() ? text : "#\n" + text;
}

}  // namespace moeperf
