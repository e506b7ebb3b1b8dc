#include "benchmarks/plan/benchmark_kind.hpp"

#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

#include <algorithm>
#include <regex>

namespace moeperf {
namespace {

std::vector<BenchmarkKind>& kinds() {
  static std::vector<BenchmarkKind> all;
  return all;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool BenchmarkKind::varies_over(const std::string& axis) const {
  const Axis& object = axis_named(axis);
  return object.is_everywhere || contains(axes, axis) || contains(object.benchmarks, name);
}

bool BenchmarkKind::asks_for(const std::string& axis) const { return varies_over(axis) || contains(takes, axis); }

const std::vector<BenchmarkKind>& benchmark_kinds() { return kinds(); }

std::vector<const BenchmarkKind*> chosen_kinds(const std::string& expression) {
  const std::regex wanted(expression);
  std::vector<const BenchmarkKind*> chosen;
  for (const BenchmarkKind& kind : kinds()) {
    if (!std::regex_match(kind.name, wanted)) continue;
    if (kind.only_by_name && expression == RunSettings{}.benchmarks) continue;
    chosen.push_back(&kind);
  }
  return chosen;
}

BenchmarkRegistration::BenchmarkRegistration(BenchmarkKind kind) {
  const auto place = std::find_if(kinds().begin(), kinds().end(),
                                  [&](const BenchmarkKind& other) { return other.order > kind.order; });
  kinds().insert(place, std::move(kind));
}

}  // namespace moeperf
