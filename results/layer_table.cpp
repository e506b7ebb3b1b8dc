#include "results/layer_table.hpp"

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
  const auto found =
      std::find_if(cases.begin(), cases.end(), [&](const CaseResult* c) { return c->on("scheme") == scheme; });
  return found == cases.end() ? nullptr : *found;
}

const Measurement& layer_phase(const CaseResult& result) {
  return *std::find_if(result.measurements.begin(), result.measurements.end(),
                       [](const Measurement& m) { return m.part == "layer"; });
}

/// "0.812 [0.805,0.820]": time of `base` over this one's, with a 95 % interval.
Cell speed_relative_to(const CaseResult* base, const CaseResult& result) {
  if (base == nullptr) return "-";
  if (base == &result) return {1.0, "1"};
  // The rate over the base's rate is the base's time over the time.
  const RatioOfMedians ratio =
      ratio_of_medians(max_over_ranks(layer_phase(result).samples), max_over_ranks(layer_phase(*base).samples));
  return {ratio.ratio, interval_text(ratio)};
}

}  // namespace

TitledTable layer_table(const Report& report) {
  TitledTable table{"Layer",
                    "the whole layer under each scheme, and its rate relative to no balancing and to perfect balance.",
                    {{"layer", "tokens/s"}, {"+-CI", "%"}, {"rate / none", "[95 % CI]"}, {"rate / ideal", "[95 % CI]"}},
                    {}};
  const ReportAxes& axes = report.header().axes;
  const std::vector<const CaseResult*> layers = layer_cases(report.cases);
  // Cases that differ in nothing but the scheme stand together and are compared.
  const std::vector<std::string> settings = unique_case_keys(axes, layers, {"scheme"});
  std::map<std::string, std::vector<const CaseResult*>> groups;
  std::vector<std::string> order;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto& group = groups[settings[i]];
    if (group.empty()) order.push_back(settings[i]);
    group.push_back(layers[i]);
  }
  std::vector<const CaseResult*> rows;
  for (const std::string& setting : order) {
    const auto& group = groups[setting];
    for (const CaseResult* result : group) {
      const double ci = relative_ci(max_over_ranks(layer_phase(*result).samples));
      rows.push_back(result);
      table.rows.push_back({number_cell(*layer_tokens_per_s(*result), 5),
                            std::isfinite(ci) ? percent_cell(ci, 1) : Cell("-"),
                            speed_relative_to(with_scheme(group, "none"), *result),
                            speed_relative_to(with_scheme(group, "ideal"), *result)});
    }
  }
  add_case_columns(table, axes, rows, {"workload", "phase", "scheme", "dispatcher", "kernel"});
  const std::vector<std::string> keys = unique_case_keys(axes, layers, {"benchmark"});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    table.figures.push_back(
        {"layer_tokens_per_s", keys[i], fmt::format("{:.6g}", *layer_tokens_per_s(*layers[i])), "tokens/s"});
  }
  return table;
}

}  // namespace moeperf
