#include "results/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

namespace moeperf {
namespace {

/// "1.05x", or "1.05x to 22.1x": by how much they differ, as a factor of at least 1.
std::string factors(const std::vector<double>& ratios) {
  std::vector<double> sizes;
  for (const double ratio : ratios) sizes.push_back(std::max(ratio, 1 / ratio));
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  const std::string from = fmt::format("{:.2f}x", *least), to = fmt::format("{:.2f}x", *most);
  return from == to ? from : from + " to " + to;
}

}  // namespace

std::string conclusion(const Comparison& comparison) {
  using OfResource = std::map<Verdict, std::vector<double>>;
  std::vector<std::pair<std::string, OfResource>> resources;  // in the order of their first part
  for (const ComparedPart& part : comparison.parts) {
    if (part.role != Role::measured || part.is_meter) continue;
    auto known =
        std::find_if(resources.begin(), resources.end(), [&](const auto& r) { return r.first == part.resource; });
    if (known == resources.end()) known = resources.insert(known, {part.resource, {}});
    known->second[part.verdict].push_back(part.ratio);
  }
  std::vector<std::string> clauses;
  for (const auto& [resource, verdicts] : resources) {
    std::size_t parts = 0;
    for (const auto& [verdict, ratios] : verdicts) parts += ratios.size();
    std::vector<std::string> said;
    for (const auto& [verdict, ratios] : verdicts) {
      const std::string words = verdict == Verdict::same          ? "the same"
                                : verdict == Verdict::cannot_tell ? "cannot be told"
                                : verdict == Verdict::faster      ? factors(ratios) + " faster"
                                                                  : factors(ratios) + " slower";
      said.push_back(fmt::format("{} ({} of {} parts)", words, ratios.size(), parts));
    }
    clauses.push_back(fmt::format("{} {}", resource, fmt::join(said, ", ")));
  }
  return clauses.empty() ? "nothing to compare" : fmt::format("{}", fmt::join(clauses, "; "));
}

}  // namespace moeperf
