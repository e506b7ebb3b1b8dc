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

Cell scaled_cell(const std::optional<double>& value, double scale) {
  return value ? number_cell(*value * scale) : Cell("-");
}

}  // namespace

LinkRates link_rates(const std::vector<CaseResult>& cases) {
  LinkRates rates;
  for (const CaseResult& result : cases) {
    if (result.on("benchmark") != "link" || !result.skip_reason.empty()) continue;
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

TitledTable link_table(const Report& report) {
  TitledTable table{
      "Links",
      "one pair, then all pairs of a class at once, then a plain all-to-all of the workload's bytes "
      "among\nall ranks; all bytes sent count.",
      {{"pairs", "", false}, {"latency", "us"}, {"pingpong", "GB/s"}, {"both ways", "GB/s"}, {"all pairs", "GB/s"}},
      {}};
  std::vector<const CaseResult*> rows;
  for (const CaseResult& c : report.cases) {
    if (c.on("benchmark") != "link" || !c.skip_reason.empty()) continue;
    const auto rate = [&](const std::string& part) { return scaled_cell(bytes_per_s(c, part), 1e-9); };
    for (const std::string pairs : {"intra", "inter"}) {
      if (part_of(c, pairs + "_latency") == nullptr) continue;
      rows.push_back(&c);
      table.rows.push_back({pairs + "-node", scaled_cell(median_of(c, pairs + "_latency"), 1e6),
                            rate(pairs + "_pingpong"), rate(pairs + "_both_ways"), rate(pairs + "_all_pairs")});
    }
    if (part_of(c, "alltoall") == nullptr) continue;
    rows.push_back(&c);
    table.rows.push_back({"all-to-all", "-", "-", "-", rate("alltoall")});
  }
  add_case_columns(table, report.header().axes, rows, {"workload", "phase"});
  return table;
}

TitledTable exchange_table(const Report& report) {
  TitledTable table{"Exchanges",
                    "alltoall: time of one plain all-to-all of as many bytes over this time; links: time that the "
                    "links\nalone would take for the bytes sent, over this time; above 100 where fewer bytes move or "
                    "memory is shared.\nset-up, memory: of making the dispatcher and a first round trip.",
                    {{"part", "", false},
                     {"median", "us"},
                     {"+-CI", "%"},
                     {"alltoall", "%"},
                     {"links", "%"},
                     {"set-up", "ms"},
                     {"memory", "MB/rank"}},
                    {}};
  const LinkRates rates = link_rates(report.cases);
  std::vector<const CaseResult*> rows;
  for (const CaseResult& c : report.cases) {
    const std::string benchmark = c.on("benchmark");
    if ((benchmark != "dispatch" && benchmark != "combine") || !c.skip_reason.empty()) continue;
    const Measurement* measurement = part_of(c, benchmark);
    if (measurement == nullptr) continue;
    const Summary summary = summarize(measurement->samples);
    const auto percent = [&](const std::optional<double>& bound) {
      return bound ? percent_cell(*bound, summary.median_s) : Cell("-");
    };
    const auto metric = [&](const char* name, double scale) {
      const auto found = c.metrics.find(name);
      return found == c.metrics.end() ? Cell("-") : number_cell(found->second * scale);
    };
    const double ci = (summary.ci95_high_s - summary.ci95_low_s) / 2;
    rows.push_back(&c);
    table.rows.push_back({benchmark, number_cell(1e6 * summary.median_s),
                          summary.ci95_reached ? percent_cell(ci, summary.median_s) : Cell("-"),
                          percent(median_of(c, "alltoall")), percent(links_bound_s(rates, measurement->work)),
                          metric("setup_s", 1e3), metric("setup_bytes", 1e-6)});
  }
  add_case_columns(table, report.header().axes, rows, {"workload", "phase", "scheme", "dispatcher"});
  return table;
}

}  // namespace moeperf
