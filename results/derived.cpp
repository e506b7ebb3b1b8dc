#include "results/derived.hpp"

#include "results/statistics.hpp"

#include <algorithm>

namespace moeperf {
namespace {

const Measurement* find_part(const CaseResult& result, const std::string& part) {
  const auto found = std::find_if(result.measurements.begin(), result.measurements.end(),
                                  [&](const Measurement& m) { return m.part == part; });
  return found == result.measurements.end() ? nullptr : &*found;
}

}  // namespace

std::optional<double> median_of(const CaseResult& result, const std::string& part) {
  const Measurement* measurement = find_part(result, part);
  if (measurement == nullptr || !has_valid(measurement->samples)) return std::nullopt;
  return summarize(measurement->samples).median_s;
}

std::optional<double> baseline_s(const CaseResult& result, const Measurement& measurement) {
  if (measurement.baselines.empty()) return std::nullopt;
  double sum = 0;
  for (const std::string& part : measurement.baselines) {
    const auto median = median_of(result, part);
    if (!median) return std::nullopt;
    sum += *median;
  }
  return measurement.baseline_work_ratio * sum;
}

namespace {

bool is_whole_layer(const CaseResult& result, const Measurement& measurement) {
  return result.on("benchmark") == "layer" && measurement.part == "layer";
}

/// A combine has a FLOP or two for each of its bytes: it is an exchange all the same.
bool is_exchange(const WorkModel& work) { return work.useful_bytes > 0 && work.flop_useful <= 4 * work.useful_bytes; }

}  // namespace

Rate rate_of(const CaseResult& result, const Measurement& measurement, double time_s) {
  const WorkModel& work = measurement.work;
  if (time_s <= 0) return {};
  if (is_whole_layer(result, measurement)) {
    return {static_cast<double>(result.tokens_global) / time_s, "tok/s"};
  }
  if (is_exchange(work)) return {work.useful_bytes / time_s / 1e9, "GB/s"};
  if (work.flop_useful > 0) return {work.flop_useful / time_s / 1e9, "GFLOP/s"};
  if (work.memory_bytes > 0) return {work.memory_bytes / time_s / 1e9, "GB/s mem"};
  return {};
}

std::string resource_of(const CaseResult& result, const Measurement& measurement) {
  const WorkModel& work = measurement.work;
  if (is_whole_layer(result, measurement)) return "layer";
  if (is_exchange(work))
    return work.wire_bytes_inter > work.wire_bytes_intra ? "exchange between nodes" : "exchange within nodes";
  if (work.flop_useful > 0) return "compute";
  return work.memory_bytes > 0 ? "memory" : "other";
}

std::optional<double> layer_tokens_per_s(const CaseResult& result) {
  if (result.on("benchmark") != "layer" || !result.skip_reason.empty()) return std::nullopt;
  const auto median = median_of(result, "layer");
  if (!median || *median <= 0) return std::nullopt;
  return static_cast<double>(result.tokens_global) / *median;
}

std::optional<std::int64_t> settled_step(const BalancingTrajectory& trajectory, double limit) {
  auto step = static_cast<std::int64_t>(trajectory.maxvio.size());
  while (step > 0 && trajectory.maxvio[static_cast<std::size_t>(step - 1)] < limit) --step;
  if (step == static_cast<std::int64_t>(trajectory.maxvio.size())) return std::nullopt;
  return step;
}

}  // namespace moeperf
