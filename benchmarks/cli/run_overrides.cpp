#include "benchmarks/cli/run_overrides.hpp"

#include "benchmarks/configuration/axis.hpp"

#include <toml++/toml.h>

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace moeperf {

std::vector<Override> overrides_of(const RunOptions& options) {
  std::vector<Override> overrides;
  const auto as_toml = [](const auto& value) {
    std::ostringstream text;
    text << value;
    return text.str();
  };
  const auto add = [&](const char* option, const char* key, const std::string& value) {
    overrides.emplace_back(fmt::format("run.{}={}", key, value), option);
  };
  const auto add_number = [&](const char* option, const char* key, const auto& value) {
    if (value) add(option, key, fmt::format("{}", *value));
  };
  const auto add_text = [&](const char* option, const char* key, const std::optional<std::string>& value) {
    if (value) add(option, key, as_toml(toml::value<std::string>(*value)));
  };
  const auto add_axis = [&](const Axis& axis, const std::vector<std::string>& wanted) {
    toml::array list;
    for (const std::string& value : wanted) {
      // A text that is no number reaches the check of the file's keys, which says what is accepted.
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (axis.is_number() && error == std::errc{} && end == value.data() + value.size()) {
        list.push_back(number);
      } else {
        list.push_back(value);
      }
    }
    if (!list.empty()) add(axis.option.c_str(), axis.key.c_str(), as_toml(list));
  };
  add_text("--benchmark", "benchmarks", options.benchmarks);
  for (const auto& [name, wanted] : options.axes) add_axis(axis_named(name), wanted);
  add_text("--begin", "begin", options.begin);
  add_text("--end", "end", options.end);
  add_number("--factor", "factor", options.factor);
  add_number("--iters", "samples", options.samples);
  add_number("--warmup", "warmup", options.warmup);
  add_number("--seed", "seed", options.seed);
  add_number("--min-samples", "min_samples", options.min_samples);
  add_number("--max-time", "max_time_s", options.max_time_s);
  add_number("--target-ci", "target_ci", options.target_ci);
  add_number("--time-limit", "part_time_limit_s", options.time_limit_s);
  add_number("--prepare-limit", "preparation_time_limit_s", options.prepare_limit_s);
  add_text("--expert-weights", "expert_weights", options.expert_weights);
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return overrides;
}

}  // namespace moeperf
