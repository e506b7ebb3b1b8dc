#pragma once

#include "results/launch_effect.hpp"
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
  double base_median = 0, new_median = 0;           ///< over launches of their medians, in `unit`
  double ratio = 1, ratio_low = 1, ratio_high = 1;  ///< new over base, 95 %
  bool has_interval = false;                        ///< false: too few launches, or samples of a meter, for that
  double p = 1;  ///< that the two differ so much by chance, with all other measured parts in mind (holm)
  std::int64_t base_launches = 0, new_launches = 0;
  bool beside_baselines = false;  ///< ratio and p are of what the baselines beside them do not explain
  Verdict verdict = Verdict::cannot_tell;
  Role role = Role::measured;  ///< baselines are shown, but no part of the verdicts' count
  bool is_meter = false;       ///< `part` is the name of a meter, which is information and gets no verdict
  std::string unit = "s";
  std::string resource;  ///< what its work needs, see resource_of; empty: a meter
  std::string reason;    ///< why it cannot be told, and what would settle it
};

/// The throughput of one case of the benchmark `layer`, in tokens per second.
struct ComparedMerit {
  std::string case_key;
  double base_tokens_per_s = 0, new_tokens_per_s = 0;
  double ratio = 1, ratio_low = 1, ratio_high = 1;  ///< new over base, of the whole systems
  bool has_interval = false;
  double per_rank = 1, per_node = 1;  ///< the ratio, where the systems are of other size
  Verdict verdict = Verdict::cannot_tell;
  std::string reason;  ///< why it cannot be told
};

struct Comparison {
  std::vector<std::string> environment_differences;  ///< "fact: base | new"
  std::vector<ComparedPart> parts;
  std::vector<ComparedMerit> merits;
  std::vector<std::string> only_in_base, only_in_new;  ///< cases, with the reason if they were skipped there
  std::vector<std::string> warnings;
};

/// Compares part by part, over the cases whose coordinates are the same in both; what is left is compared
/// across dispatchers and kernels where that leaves no choice. What is compared are launches (see LaunchEffect): SAME
/// where the interval of the ratio lies within same_within of 1; FASTER or SLOWER where an exact test, corrected for the
/// number of measured parts, finds a difference at 5 %. It cannot be told from too few launches and, on one machine,
/// where the launches of the two did not alternate, or where the baselines of the case moved along. Whatever else makes
/// a ratio say something else than how fast the code is, is a warning.
Comparison compare_reports(const Report& base, const Report& fresh, Design design = Design::groups);

/// Measured parts that both have; baselines and meters are shown, but do not count.
std::int64_t num_compared(const Comparison& comparison);
/// Of these, those of a verdict.
std::int64_t num_compared(const Comparison& comparison, Verdict verdict);

/// In words: what each resource did, over the measured parts that need it. "compute the same (4 of 4 parts); exchange
/// between nodes 19.8x to 22.1x slower (8 of 8 parts)".
std::string conclusion(const Comparison& comparison);

/// Environment differences, the conclusion, warnings, figures of merit, one row per part, the cases in one report only,
/// and the counts.
void show_comparison(std::ostream& out, const Comparison& comparison);

}  // namespace moeperf
