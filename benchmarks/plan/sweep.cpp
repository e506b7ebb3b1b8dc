#include "benchmarks/plan/sweep.hpp"

#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/sweep_size.hpp"
#include "benchmarks/inputs/recording.hpp"
#include "kernels/base/counted.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

std::int64_t tokens_of(double size, bool bytes, const ModelShape& model) {
  if (!bytes) return std::llround(size);
  const auto token_bytes =
      static_cast<double>(model.gate.top_k * model.hidden) * static_cast<double>(size_bytes(model.dtype));
  return static_cast<std::int64_t>(std::ceil(std::round(size) / token_bytes));
}

/// A configuration for each value on the axes that make configurations, those of the first axis outermost. Where an
/// axis has no values the workload says.
std::vector<SuiteConfig> on_axes(const SuiteConfig& config, Communicator& comm) {
  std::vector<const Axis*> axes;
  for (const Axis& axis : all_axes()) {
    if (axis.varies_configurations()) axes.push_back(&axis);
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis* a, const Axis* b) { return a->nest < b->nest; });
  std::vector<SuiteConfig> points{config};
  for (const Axis* axis : axes) {
    std::vector<SuiteConfig> next;
    for (const SuiteConfig& point : points) {
      const std::vector<AxisValue> values = axis->values_in({point, comm, nullptr, point.chosen});
      if (values.empty()) next.push_back(point);
      for (const AxisValue& value : values) {
        if (!value.skip_reason.empty())
          throw UserError(fmt::format("{} '{}': {}", axis->name(), value.text, value.skip_reason));
        SuiteConfig on_value = point;
        axis->apply(on_value, value.text);
        on_value.chosen = point.chosen.with(axis->name(), value.text);
        if (!axis->id.empty()) on_value.point += (point.point.empty() ? "" : "_") + filled(axis->id, value.text);
        next.push_back(std::move(on_value));
      }
    }
    points = std::move(next);
  }
  return points;
}

/// A list of tokens may leave these ranks none, though not all of it is zero.
void require_tokens(const std::string& workload, const Phase& phase, int num_ranks) {
  for (int rank = 0; rank < num_ranks; ++rank) {
    if (phase.tokens_of(rank) > 0) return;
  }
  throw UserError(
      fmt::format("workload '{}', phase.{}.tokens_per_rank: no token falls to {}; accepted: a list whose "
                  "part for these ranks is not all zeros",
                  workload, name(phase.kind), counted(num_ranks, "rank")));
}

SuiteConfig point_of(const SuiteConfig& config, std::optional<std::int64_t> tokens, int num_ranks) {
  SuiteConfig point = config;
  const std::string& pattern = config.workload.traffic.pattern;
  if (tokens) point.point += fmt::format("{}{}", point.point.empty() ? "" : "_", *tokens);
  const auto check = [&] {
    const auto violation = first_violation(point.workload);
    if (!violation) return;
    std::string with = fmt::format(" with traffic '{}'", pattern);
    for (const Axis& axis : all_axes()) {
      const std::string& chosen = config.chosen.value(axis.name());
      if (chosen != "-" && axis.name() != "traffic") with += fmt::format(" and {} {}", axis.name(), chosen);
    }
    if (tokens) with += fmt::format(" and the size {} of run.begin to run.end", *tokens);
    throw UserError(
        fmt::format("workload '{}'{}: {}: {}", config.workload.name, with, violation->key, violation->message));
  };
  for (Phase& phase : point.workload.phases) {
    if (tokens) phase.tokens_per_rank = {*tokens};
  }
  check();  // before tokens are added up over the ranks
  for (const Phase& phase : point.workload.phases) require_tokens(config.workload.name, phase, num_ranks);
  const auto& tokens_per_rank = traffic_registry().at(pattern).traits.tokens_per_rank;
  if (!tokens_per_rank) return point;
  for (Phase& phase : point.workload.phases) phase.tokens_per_rank = tokens_per_rank(phase, num_ranks);
  check();
  return point;
}

}  // namespace

std::vector<std::int64_t> sweep_tokens(const SweepSettings& sweep, const ModelShape& model) {
  if (sweep.begin.empty()) return {};
  const SweepSize begin = *parse_sweep_size(sweep.begin);
  const SweepSize end = sweep.end.empty() ? begin : *parse_sweep_size(sweep.end);
  // Powers, not products of rounded sizes; a hair above the end is rounding too.
  constexpr double hair = 1e-9;
  std::vector<std::int64_t> tokens;
  double size = static_cast<double>(begin.amount);
  for (int power = 0; size <= static_cast<double>(end.amount) * (1 + hair);
       size = static_cast<double>(begin.amount) * std::pow(sweep.factor, ++power)) {
    const std::int64_t next = tokens_of(size, begin.bytes, model);
    if (!tokens.empty() && tokens.back() == next) continue;
    if (tokens.size() == max_sweep_points) {
      throw UserError(
          fmt::format("run.begin {}, run.end {}, run.factor {}: more than {} sizes; accepted: at most that "
                      "many",
                      sweep.begin, sweep.end, sweep.factor, max_sweep_points));
    }
    tokens.push_back(next);
  }
  return tokens;
}

std::vector<SuiteConfig> expand_sweeps(const std::vector<SuiteConfig>& configs, Communicator& comm) {
  std::vector<SuiteConfig> points;
  for (const SuiteConfig& given : configs) {
    for (const SuiteConfig& config : on_axes(given, comm)) {
      // Of this configuration: an axis may change how many bytes a token is.
      const std::vector<std::int64_t> sizes = sweep_tokens(config.run.sweep, config.workload.model);
      const TrafficConfig& traffic = config.workload.traffic;
      const auto& source = traffic_registry().at(traffic.pattern).traits.recording;
      if (sizes.empty()) points.push_back(point_of(config, std::nullopt, comm.size()));
      for (const std::int64_t tokens : sizes) points.push_back(point_of(config, tokens, comm.size()));
      if (!source) continue;
      const auto recording = read_recording(comm, source(traffic), config.workload.model.gate);
      const std::size_t count = std::max<std::size_t>(1, sizes.size());
      for (std::size_t i = points.size() - count; i < points.size(); ++i) {
        points[i].workload.traffic.recording = recording;
      }
    }
  }
  return points;
}

}  // namespace moeperf
