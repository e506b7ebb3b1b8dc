#include "results/stragglers.hpp"

#include "results/environment_table.hpp"
#include "results/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

/// Whether each rank has the same to do, and nothing to wait for.
bool is_equal_work(const CaseResult& result, const Measurement& m) {
  if (m.part == "plain_gemm") return true;
  const bool equal_tokens = result.on("tokens").find(',') == std::string::npos;
  return m.part == "gate" && equal_tokens;
}

/// Samples are taken together until the ranks have been at it for so long: who shares its processor is slow for slices of
/// time, between which short samples see nothing.
constexpr double spell_s = 0.02;

/// Of one rank, over all spells.
struct Tally {
  std::vector<double> ratios;  ///< to the median of the others
  std::int64_t last = 0;
};

double median_of(const std::vector<double>& sorted) { return quantile(sorted, 0.5); }

/// Of all but the value at a place of the sorted ones.
double median_without(const std::vector<double>& sorted, std::size_t place) {
  const std::size_t left = sorted.size() - 1;
  const auto at = [&](std::size_t i) { return sorted[i < place ? i : i + 1]; };
  return (at((left - 1) / 2) + at(left / 2)) / 2;
}

void add_spell(const std::vector<double>& times, std::vector<Tally>& tallies) {
  std::vector<double> sorted = times;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t rank = 0; rank < times.size(); ++rank) {
    const auto place = std::lower_bound(sorted.begin(), sorted.end(), times[rank]) - sorted.begin();
    const double others = median_without(sorted, static_cast<std::size_t>(place));
    if (others > 0) tallies[rank].ratios.push_back(times[rank] / others);
  }
  ++tallies[static_cast<std::size_t>(std::max_element(times.begin(), times.end()) - times.begin())].last;
}

void add_samples(const Samples& samples, std::vector<Tally>& tallies) {
  const auto ranks = static_cast<std::size_t>(samples.num_ranks);
  if (ranks != tallies.size() || ranks < 2) return;
  std::vector<double> spell(ranks, 0);
  for (std::size_t sample = 0; sample < static_cast<std::size_t>(samples.num_samples()); ++sample) {
    for (std::size_t rank = 0; rank < ranks; ++rank) spell[rank] += samples.values[sample * ranks + rank];
    std::vector<double> sorted = spell;
    std::sort(sorted.begin(), sorted.end());
    if (median_of(sorted) < spell_s) continue;
    add_spell(spell, tallies);
    std::fill(spell.begin(), spell.end(), 0);
  }
}

/// P(B ≥ k) for B ~ Binomial(n, q).
double at_least(std::int64_t k, std::int64_t n, double q) {
  double sum = 0;
  for (std::int64_t i = n; i >= k; --i) {
    const auto real = [](std::int64_t number) { return static_cast<double>(number); };
    sum += std::exp(std::lgamma(real(n + 1)) - std::lgamma(real(i + 1)) - std::lgamma(real(n - i + 1)) +
                    real(i) * std::log(q) + real(n - i) * std::log1p(-q));
  }
  return std::min(1.0, sum);
}

}  // namespace

std::vector<Straggler> find_stragglers(const Report& report) {
  std::vector<Tally> tallies(static_cast<std::size_t>(report.header().num_ranks));
  for (const CaseResult& result : report.cases) {
    for (const Measurement& m : result.measurements) {
      if (is_equal_work(result, m)) add_samples(m.samples, tallies);
    }
  }
  const std::vector<std::string> hosts = column_of(report.header().environment.ranks, "host");
  const auto num_ranks = static_cast<double>(tallies.size());
  std::vector<Straggler> found;
  for (std::size_t rank = 0; rank < tallies.size(); ++rank) {
    Tally& tally = tallies[rank];
    if (tally.ratios.empty()) continue;
    std::sort(tally.ratios.begin(), tally.ratios.end());
    const auto samples = static_cast<std::int64_t>(tally.ratios.size());
    const double p = num_ranks * at_least(tally.last, samples, 1 / num_ranks);
    const double slower = median_of(tally.ratios);
    if (slower <= 1 + straggler_above || p > straggler_p) continue;
    found.push_back({static_cast<std::int64_t>(rank), rank < hosts.size() ? hosts[rank] : "", slower,
                     static_cast<double>(tally.last) / static_cast<double>(samples), samples, std::min(1.0, p)});
  }
  std::sort(found.begin(), found.end(), [](const Straggler& a, const Straggler& b) { return a.slower > b.slower; });
  return found;
}

std::vector<std::string> exclude_list(const Report& report, const std::vector<Straggler>& stragglers) {
  std::vector<std::string> hosts;
  if (report.header().num_nodes < 2) return hosts;
  for (const Straggler& straggler : stragglers) {
    if (!straggler.host.empty() && std::find(hosts.begin(), hosts.end(), straggler.host) == hosts.end())
      hosts.push_back(straggler.host);
  }
  return hosts;
}

}  // namespace moeperf
