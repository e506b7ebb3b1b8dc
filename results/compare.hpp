#pragma once

#include "results/report.hpp"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace moeperf {

enum class Verdict : std::uint8_t { faster, slower, same, cannot_tell };

/// Differences of less than this part of the base do not count.
constexpr double same_within = 0.02;

struct ComparedPart {
  std::string case_key;  ///< coordinates that identify the case in both reports
  std::string part;
  double base_median = 0, new_median = 0;           ///< in `unit`
  double ratio = 1, ratio_low = 1, ratio_high = 1;  ///< new / base, 95 %
  Verdict verdict = Verdict::cannot_tell;
  Role role = Role::measured;  ///< baselines are shown, but no part of the verdicts' count
  bool is_meter = false;       ///< `part` is the name of a meter, which is information and gets no verdict
  std::string unit = "s";
  std::string reason;  ///< why it cannot be told, where that is not the interval's width
};

struct Comparison {
  std::vector<std::string> environment_differences;  ///< "fact: base | new"
  std::vector<ComparedPart> parts;
  std::vector<std::string> only_in_base, only_in_new;  ///< cases, with the reason if they were skipped there
  std::vector<std::string> warnings;
};

/// Compares part by part, over the cases whose coordinates are the same in both; what is left is compared
/// across dispatchers and kernels where that leaves no choice. By the 95 % interval of the ratio of medians (see
/// ratio_of_medians): SAME where it lies within same_within of 1, FASTER or SLOWER where it leaves out 1.
/// Reports of several launches are compared by the medians of their launches; one launch by its samples, with a
/// warning. Whatever makes a ratio say something else than how fast the code is, is a warning too.
Comparison compare_reports(const Report& base, const Report& fresh);

/// Measured parts that both have; baselines and meters are shown, but do not count.
std::int64_t num_compared(const Comparison& comparison);
/// Of these, those of a verdict.
std::int64_t num_compared(const Comparison& comparison, Verdict verdict);

/// Environment differences, warnings, one row per part, the cases in one report only, and the counts.
void show_comparison(std::ostream& out, const Comparison& comparison);

}  // namespace moeperf
