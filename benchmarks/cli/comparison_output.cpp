#include "benchmarks/cli/comparison_output.hpp"

#include "kernels/base/error.hpp"
#include "results/comparison_table.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace moeperf {
namespace {

nlohmann::ordered_json json_of(const ComparedPart& part) {
  nlohmann::ordered_json json{{"case", part.case_key},
                              {"part", part.part},
                              {"role", part.is_meter ? "meter" : name(part.role)},
                              {"unit", part.unit},
                              {"base_median", part.base_median},
                              {"new_median", part.new_median},
                              {"ratio", part.ratio},
                              {"ratio_ci95", nullptr}};
  if (part.has_interval) json["ratio_ci95"] = {part.ratio_low, part.ratio_high};
  if (!part.is_meter) {
    json["verdict"] = name(part.verdict);
    json["p_holm"] = part.p;
    json["launches"] = {part.base_launches, part.new_launches};
    json["beside_baselines"] = part.beside_baselines;
    json["resource"] = part.resource;
  }
  if (!part.reason.empty()) json["reason"] = part.reason;
  return json;
}

nlohmann::ordered_json json_of(const ComparedMerit& merit) {
  nlohmann::ordered_json json{{"case", merit.case_key},
                              {"unit", "tok/s"},
                              {"base", merit.base_tokens_per_s},
                              {"new", merit.new_tokens_per_s},
                              {"ratio", merit.ratio},
                              {"ratio_ci95", nullptr},
                              {"ratio_per_rank", merit.per_rank},
                              {"ratio_per_node", merit.per_node},
                              {"verdict", name(merit.verdict)}};
  if (merit.has_interval) json["ratio_ci95"] = {merit.ratio_low, merit.ratio_high};
  if (!merit.reason.empty()) json["reason"] = merit.reason;
  return json;
}

nlohmann::ordered_json json_of(const Comparison& comparison) {
  nlohmann::ordered_json json{
      {"conclusion", conclusion(comparison)},    {"environment_differences", comparison.environment_differences},
      {"warnings", comparison.warnings},         {"only_in_base", comparison.only_in_base},
      {"only_in_new", comparison.only_in_new},   {"merits", nlohmann::ordered_json::array()},
      {"parts", nlohmann::ordered_json::array()}};
  for (const ComparedMerit& merit : comparison.merits) json["merits"].push_back(json_of(merit));
  for (const ComparedPart& part : comparison.parts) json["parts"].push_back(json_of(part));
  return json;
}

}  // namespace

void ComparisonOutput::add_options(CLI::App& command) {
  command.add_flag("--json", json, "The same as JSON");
  command.add_option("--fail-on", fail_on, "slower | cannot-tell (or slower): such a verdict is exit status 1 [none]")
      ->check(CLI::IsMember({"slower", "cannot-tell"}));
}

int ComparisonOutput::say(std::ostream& out, const Comparison& comparison) const {
  if (json) {
    out << json_of(comparison).dump(2) << '\n';
  } else {
    show_comparison(out, comparison);
  }
  const bool is_slower = !fail_on.empty() && num_compared(comparison, Verdict::slower) > 0;
  const bool is_open = fail_on == "cannot-tell" && num_compared(comparison, Verdict::cannot_tell) > 0;
  return num_compared(comparison) == 0 || is_slower || is_open ? exit_invalid : exit_ok;
}

}  // namespace moeperf
