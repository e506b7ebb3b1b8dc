#include "results/case_table.hpp"

#include "results/derived.hpp"
#include "results/statistics.hpp"

#include <algorithm>

namespace moeperf {
namespace {

std::string wrong_text(const Verification& verification) {
  if (!verification.performed) return "-";
  return std::to_string(verification.passed ? verification.wrong : std::max<std::int64_t>(1, verification.wrong));
}

std::string remark(const CaseResult& result, const Measurement& m, const Summary& summary) {
  std::string text;
  auto add = [&](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (m.role == Role::measured && !result.verification.performed) add("not verified");
  if (m.role == Role::measured && result.verification.performed && !result.verification.passed) add("WRONG");
  if (!summary.ci95_reached) add("too few samples for a CI");
  return text;
}

std::vector<Cell> row_of(const CaseResult& result, const Measurement& m) {
  const Summary s = summarize(m.samples);
  const Rate rate = rate_of(result, m, s.median_s);
  const auto baseline = baseline_s(result, m);
  const double wire = m.work.wire_bytes_intra + m.work.wire_bytes_inter;
  const double half_width = (s.ci95_high_s - s.ci95_low_s) / 2;
  return {result.on("benchmark"),
          result.on("scheme"),
          marked(m.part, m.role),
          {static_cast<double>(s.num_samples), std::to_string(s.num_samples)},
          number_cell(1e6 * s.median_s),
          s.ci95_reached ? percent_cell(half_width, s.median_s) : Cell("-"),
          percent_cell(s.median_s - s.rank_mean_median_s, s.median_s),
          rate.unit.empty() ? Cell("-") : number_cell(rate.value),
          rate.unit,
          wire > 0 && s.median_s > 0 ? number_cell(wire / s.median_s / 1e9) : Cell("-"),
          baseline ? percent_cell(*baseline, s.median_s) : Cell("-"),
          m.role != Role::measured ? "-" : wrong_text(result.verification),
          remark(result, m, s)};
}

/// Of a meter: where the unit is not that of times, the value stands where rates do, with its unit.
std::vector<Cell> row_of(const CaseResult& result, const MeterSeries& meter) {
  const Summary s = summarize(meter);
  const bool is_time = meter.unit == "s";
  const double half_width = (s.ci95_high_s - s.ci95_low_s) / 2;
  const bool has_wait = meter.across_ranks == AcrossRanks::max;
  return {result.on("benchmark"),
          result.on("scheme"),
          marked_meter(meter.meter),
          {static_cast<double>(s.num_samples), std::to_string(s.num_samples)},
          is_time ? number_cell(1e6 * s.median_s) : Cell("-"),
          s.ci95_reached ? percent_cell(half_width, s.median_s) : Cell("-"),
          has_wait ? percent_cell(s.median_s - s.rank_mean_median_s, s.median_s) : Cell("-"),
          is_time ? Cell("-") : number_cell(s.median_s),
          is_time ? "" : meter.unit,
          "-",
          "-",
          "-",
          s.ci95_reached ? "" : "too few samples for a CI"};
}

}  // namespace

TitledTable case_table(const CaseResult& result) {
  TitledTable table{"Parts",
                    "One row per timed part of a case (~: baseline) and per meter (.). A part's time is that of the "
                    "slowest\nrank: median over the n samples, and half the width of its 95 % confidence interval. "
                    "wait: part of it\nthat the mean rank does not need. rate: useful work over time; wire: bytes "
                    "really sent, over time.\nbaseline: time of the baselines together over the time of the row; above "
                    "100 where the row moves fewer\nbytes than they do. #wrong: values or rows out of tolerance, over "
                    "all ranks.",
                    {{"bench", "", false},
                     {"scheme", "", false},
                     {"part", "", false},
                     {"n", ""},
                     {"median", "us"},
                     {"+-CI", "%"},
                     {"wait", "%"},
                     {"rate", ""},
                     {"", "", false},  // the unit of the rate follows its number
                     {"wire", "GB/s"},
                     {"baseline", "%"},
                     {"#wrong", ""},
                     {"", "", false}},
                    {}};
  if (!result.skip_reason.empty()) return table;
  for (const Measurement& m : result.measurements) table.rows.push_back(row_of(result, m));
  for (const MeterSeries& meter : result.meters) table.rows.push_back(row_of(result, meter));
  return table;
}

}  // namespace moeperf
