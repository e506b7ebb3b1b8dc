#include "kernels/base/load_measures.hpp"
#include "results/derived.hpp"
#include "results/links.hpp"
#include "results/ranking.hpp"
#include "results/show.hpp"
#include "results/statistics.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <span>

namespace moeperf {
namespace {

/// Below this MaxVio a load counts as balanced.
constexpr double balanced_maxvio = 0.2;

std::string balancing_text(const std::vector<BalancingTrajectory>& trajectories) {
  TextTable table{
      {"workload", "phase", "scheme", "kernel", "steps", "MaxVio", "MaxVio", "balanced", "Gini", "dropped", "aux loss"},
      {"", "", "", "", "", "first", "last", "at step", "last", "%", "last"},
      {false, false, false, false, true, true, true, true, true, true, true},
      {}};
  for (const BalancingTrajectory& t : trajectories) {
    if (t.num_steps < 1) continue;
    const auto last = std::span(t.load).last(static_cast<std::size_t>(t.num_experts));
    const double routed = std::accumulate(t.routed.begin(), t.routed.end(), 0.0);
    const double dropped = std::accumulate(t.dropped.begin(), t.dropped.end(), 0.0);
    const auto settled = settled_step(t, balanced_maxvio);
    table.rows.push_back({t.workload, t.phase_kind, t.scheme, t.kernel, std::to_string(t.num_steps),
                          short_number(t.maxvio.front(), 3), short_number(t.maxvio.back(), 3),
                          settled ? std::to_string(*settled) : "never", short_number(gini(last), 3),
                          routed > 0 ? fmt::format("{:.1f}", 100 * dropped / routed) : "-",
                          t.aux_loss.empty() ? "-" : short_number(t.aux_loss.back(), 3)});
  }
  if (table.rows.empty()) return {};
  return fmt::format(
             "#\n# Balancing: load of the experts over the steps. MaxVio = largest load / mean load - 1; balanced: "
             "from\n"
             "# which step on it stays below {}; dropped: copies over all steps.\n#\n",
             balanced_maxvio) +
         table.text("# ", "# ");
}

/// Cases that differ in nothing but the scheme.
using Setting = std::array<std::string, 10>;

Setting setting_of(const CaseResult& c) {
  return {c.workload,        c.phase_kind,     c.dispatcher, c.kernel, c.dtype,
          c.tokens_per_rank, c.expert_weights, c.traffic,    c.wire,   c.chunks};
}

const CaseResult* with_scheme(const std::vector<const CaseResult*>& cases, const std::string& scheme) {
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const CaseResult* c) { return c->scheme == scheme; });
  return found == cases.end() ? nullptr : *found;
}

const Measurement& layer_phase(const CaseResult& result) {
  return *std::find_if(result.measurements.begin(), result.measurements.end(),
                       [](const Measurement& m) { return m.phase == "layer"; });
}

/// "0.812 [0.805,0.820]": time of `base` over this one's, with a 95 % interval.
std::string speed_relative_to(const CaseResult* base, const CaseResult& result) {
  if (base == nullptr) return "-";
  if (base == &result) return "1";
  // The rate over the base's rate is the base's time over the time.
  const RatioOfMedians ratio =
      ratio_of_medians(max_over_ranks(layer_phase(result).samples), max_over_ranks(layer_phase(*base).samples));
  if (!ratio.reached) return fmt::format("{:.3f} [?]", ratio.ratio);
  return fmt::format("{:.3f} [{:.3f},{:.3f}]", ratio.ratio, ratio.low, ratio.high);
}

std::string layer_text(const std::vector<CaseResult>& cases) {
  std::map<Setting, std::vector<const CaseResult*>> settings;
  std::vector<Setting> order;
  for (const CaseResult& result : cases) {
    if (!layer_tokens_per_s(result)) continue;
    auto& group = settings[setting_of(result)];
    if (group.empty()) order.push_back(setting_of(result));
    group.push_back(&result);
  }
  if (settings.empty()) return {};
  TextTable table{
      {"workload", "phase", "dispatcher", "kernel", "scheme", "layer", "+-CI", "rate / none", "rate / ideal", ""},
      {"", "", "", "", "", "tokens/s", "%", "[95 % CI]", "[95 % CI]", ""},
      {false, false, false, false, false, true, true, true, true, false},
      {}};
  for (const Setting& setting : order) {
    const auto& group = settings[setting];
    for (const CaseResult* result : group) {
      const double ci = relative_ci(max_over_ranks(layer_phase(*result).samples));
      table.rows.push_back({result->workload, result->phase_kind, result->dispatcher, result->kernel, result->scheme,
                            short_number(*layer_tokens_per_s(*result), 5), fmt::format("{:.1f}", 100 * ci),
                            speed_relative_to(with_scheme(group, "none"), *result),
                            speed_relative_to(with_scheme(group, "ideal"), *result),
                            result->expert_weights == "full" ? "" : result->expert_weights + " weights"});
    }
  }
  return "#\n# Layer: the whole layer under each scheme, and its rate relative to no balancing and to perfect "
         "balance.\n#\n" +
         table.text("# ", "# ");
}

std::string figures_of_merit(const std::vector<CaseResult>& cases) {
  std::string text;
  for (const CaseResult& c : cases) {
    if (const auto rate = layer_tokens_per_s(c)) {
      std::string name = fmt::format("{}/{}/{}/{}/{}", c.workload, c.phase_kind, c.scheme, c.dispatcher, c.kernel);
      if (c.wire != c.dtype && c.wire != "-") name += "/wire=" + c.wire;
      if (c.chunks != "1") name += "/chunks=" + c.chunks;
      text += fmt::format("layer_tokens_per_s[{}] = {:.6g} tokens/s\n", name, *rate);
    }
  }
  return text.empty() ? text : "#\n" + text;
}

std::string status_text(const Report& report) {
  if (report.status == "VALID" || report.status.starts_with("INVALID")) return one_line(report.status);
  return fmt::format("INVALID: the run did not end (status \"{}\")", one_line(report.status));
}

}  // namespace

void show_end(std::ostream& out, const Report& report) {
  out << balancing_text(report.balancing) << exchange_text(report.cases) << tuning_text(report.cases)
      << layer_text(report.cases) << figures_of_merit(report.cases);
  std::int64_t wrong = 0, failed = 0, skipped = 0, unverified = 0;
  for (const CaseResult& result : report.cases) {
    if (!result.skipped.empty()) {
      ++skipped;
    } else if (!result.verification.performed) {
      ++unverified;
    } else {
      wrong += result.verification.wrong;
      failed += result.verification.passed ? 0 : 1;
    }
  }
  out << fmt::format("#\n# {} cases: {} skipped, {} not verified, {} wrong; from {} to {}\n", report.cases.size(),
                     skipped, unverified, failed, report.header.start_time,
                     report.end_time.empty() ? "(no end)" : report.end_time);
  out << fmt::format("# #wrong: {}\n", wrong);
  out << fmt::format("# status: {}\n", status_text(report));
}

}  // namespace moeperf
