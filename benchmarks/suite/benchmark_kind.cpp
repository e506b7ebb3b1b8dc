#include "benchmarks/suite/benchmark_kind.hpp"

#include <algorithm>

namespace moeperf {
namespace {

std::vector<BenchmarkKind>& kinds() {
  static std::vector<BenchmarkKind> all;
  return all;
}

}  // namespace

const std::vector<BenchmarkKind>& benchmark_kinds() { return kinds(); }

BenchmarkRegistration::BenchmarkRegistration(BenchmarkKind kind) {
  const auto place = std::find_if(kinds().begin(), kinds().end(),
                                  [&](const BenchmarkKind& other) { return other.order > kind.order; });
  kinds().insert(place, std::move(kind));
}

}  // namespace moeperf
