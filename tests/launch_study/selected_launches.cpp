#include "tests/launch_study/selected_launches.hpp"

namespace moeperf::test {
namespace {

Samples selected(const Samples& samples, std::span<const std::size_t> launches) {
  Samples chosen{.num_ranks = samples.num_ranks, .launch_sizes = {}};
  const auto cut = [&](const std::vector<double>& values, std::int64_t first, std::int64_t size,
                       std::vector<double>& to) {
    if (values.empty()) return;
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first * samples.num_ranks);
    to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(size * samples.num_ranks));
  };
  for (const std::size_t launch : launches) {
    if (launch >= samples.launch_sizes.size()) continue;  // it came no further than earlier cases
    std::int64_t first = 0;
    for (std::size_t i = 0; i < launch; ++i) first += samples.launch_sizes[i];
    const std::int64_t size = samples.launch_sizes[launch], moved = chosen.num_samples() - first;
    for (InvalidSample one : samples.invalid) {
      if (one.sample < first || one.sample >= first + size) continue;
      one.sample += moved;
      chosen.invalid.push_back(one);
    }
    cut(samples.values, first, size, chosen.values);
    cut(samples.starts_s, first, size, chosen.starts_s);
    chosen.launch_sizes.push_back(size);
  }
  return chosen;
}

}  // namespace

Report selected_launches(const Report& report, std::span<const std::size_t> launches) {
  Report chosen = report;
  chosen.launches.clear();
  for (const std::size_t launch : launches) chosen.launches.push_back(report.launches[launch]);
  for (CaseResult& result : chosen.cases) {
    for (Measurement& m : result.measurements) m.samples = selected(m.samples, launches);
    for (MeterSeries& meter : result.meters) meter.samples = selected(meter.samples, launches);
  }
  return chosen;
}

}  // namespace moeperf::test
