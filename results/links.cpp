#include "results/links.hpp"

#include "results/case_columns.hpp"
#include "results/derived.hpp"
#include "results/statistics.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

const Measurement* part_of(const CaseResult& result, const std::string& part) {
  const auto found = std::find_if(result.measurements.begin(), result.measurements.end(),
                                  [&](const Measurement& m) { return m.part == part; });
  return found == result.measurements.end() || !has_valid(found->samples) ? nullptr : &*found;
}

std::optional<double> bytes_per_s(const CaseResult& link, const std::string& part) {
  const Measurement* measurement = part_of(link, part);
  if (measurement == nullptr) return std::nullopt;
  return measurement->work.useful_bytes / summarize(measurement->samples).median_s;
}

std::string link_row_number(const std::optional<double>& value, double scale) {
  return value ? short_number(*value * scale) : "-";
}

/// One row for each class of pairs of each case of `link`, and one for its all-to-all, which is among all of them.
std::string link_text(const std::vector<CaseResult>& cases) {
  TextTable table{{"pairs", "latency", "pingpong", "both ways", "all pairs"},
                  {"", "us", "GB/s", "GB/s", "GB/s"},
                  {false, true, true, true, true},
                  {}};
  std::vector<const CaseResult*> rows;
  for (const CaseResult& c : cases) {
    if (c.benchmark != "link" || !c.skipped.empty()) continue;
    const auto rate = [&](const std::string& part) { return link_row_number(bytes_per_s(c, part), 1e-9); };
    for (const std::string pairs : {"intra", "inter"}) {
      if (part_of(c, pairs + "_latency") == nullptr) continue;
      rows.push_back(&c);
      table.rows.push_back({pairs + "-node", link_row_number(median_of(c, pairs + "_latency"), 1e6),
                            rate(pairs + "_pingpong"), rate(pairs + "_both_ways"), rate(pairs + "_all_pairs")});
    }
    if (part_of(c, "alltoall") == nullptr) continue;
    rows.push_back(&c);
    table.rows.push_back({"all-to-all", "-", "-", "-", rate("alltoall")});
  }
  if (table.rows.empty()) return {};
  add_case_columns(table, rows, {"workload", "phase"});
  return "#\n# Links: one pair, then all pairs of a class at once, then a plain all-to-all of the workload's bytes "
         "among\n"
         "# all ranks; all bytes sent count.\n#\n" +
         table.text("# ", "# ");
}

}  // namespace

LinkRates link_rates(const std::vector<CaseResult>& cases) {
  LinkRates rates;
  for (const CaseResult& result : cases) {
    if (result.benchmark != "link" || !result.skipped.empty()) continue;
    if (const auto rate = bytes_per_s(result, "intra_all_pairs")) rates.intra = rate;
    if (const auto rate = bytes_per_s(result, "inter_all_pairs")) rates.inter = rate;
  }
  return rates;
}

std::optional<double> links_bound_s(const LinkRates& rates, const WorkModel& work) {
  double bound = 0;
  const auto add = [&](double bytes, const std::optional<double>& rate) {
    if (bytes <= 0) return true;
    if (!rate || *rate <= 0) return false;
    bound = std::max(bound, bytes / *rate);
    return true;
  };
  if (!add(work.wire_bytes_intra, rates.intra) || !add(work.wire_bytes_inter, rates.inter)) return std::nullopt;
  return bound > 0 ? std::optional(bound) : std::nullopt;
}

std::string exchange_text(const std::vector<CaseResult>& cases) {
  const LinkRates rates = link_rates(cases);
  TextTable table{{"part", "median", "+-CI", "alltoall", "links", "set-up", "memory"},
                  {"", "us", "%", "%", "%", "ms", "MB/rank"},
                  {false, true, true, true, true, true, true},
                  {}};
  std::vector<const CaseResult*> rows;
  for (const CaseResult& c : cases) {
    if ((c.benchmark != "dispatch" && c.benchmark != "combine") || !c.skipped.empty()) continue;
    const Measurement* measurement = part_of(c, c.benchmark);
    if (measurement == nullptr) continue;
    const Summary summary = summarize(measurement->samples);
    const auto percent = [&](const std::optional<double>& bound) {
      return bound && summary.median_s > 0 ? fmt::format("{:.1f}", 100 * *bound / summary.median_s) : "-";
    };
    const auto metric = [&](const char* name, double scale) {
      const auto found = c.metrics.find(name);
      return found == c.metrics.end() ? "-" : short_number(found->second * scale);
    };
    const double ci = (summary.ci95_high_s - summary.ci95_low_s) / 2;
    rows.push_back(&c);
    table.rows.push_back({c.benchmark, short_number(1e6 * summary.median_s),
                          summary.ci95_reached ? fmt::format("{:.1f}", 100 * ci / summary.median_s) : "-",
                          percent(median_of(c, "alltoall")), percent(links_bound_s(rates, measurement->work)),
                          metric("setup_s", 1e3), metric("setup_bytes", 1e-6)});
  }
  const std::string links = link_text(cases);
  if (table.rows.empty()) return links;
  add_case_columns(table, rows, {"workload", "phase", "scheme", "dispatcher"});
  return links +
         "#\n# Exchanges: alltoall: time of one plain all-to-all of as many bytes over this time; links: time that the "
         "links\n# alone would take for the bytes sent, over this time; above 100 where fewer bytes move or memory is "
         "shared.\n# set-up, memory: of making the dispatcher and a first round trip.\n#\n" +
         table.text("# ", "# ");
}

}  // namespace moeperf
