// launch_study POOL.h5 [SPLITS]: how often `compare` errs, and what it finds, on launches of one binary that a reader
// has recorded with `moeperf run --append POOL.h5`, forty or more. Splits of them at random into two, as groups and as
// pairs of neighbours, are compared with each other: each FASTER or SLOWER is wrong. Then one half is made slower, part
// by part, to see how often that is found.

#include "kernels/base/error.hpp"
#include "results/compare.hpp"
#include "results/reader.hpp"
#include "results/verdict.hpp"
#include "tests/launch_study/selected_launches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <random>
#include <span>

namespace moeperf::test {
namespace {

struct Split {
  std::vector<std::size_t> base, fresh;  ///< launches
};

/// Half of the launches drawn at random, and the others.
Split groups(std::size_t launches, std::mt19937_64& random) {
  std::vector<std::size_t> order(launches);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  Split split{{order.begin(), order.begin() + static_cast<std::ptrdiff_t>(launches / 2)},
              {order.begin() + static_cast<std::ptrdiff_t>(launches / 2), order.end()}};
  std::sort(split.base.begin(), split.base.end());
  std::sort(split.fresh.begin(), split.fresh.end());
  return split;
}

/// `pairs` neighbours drawn at random, one of each to either side.
Split neighbours(std::size_t launches, std::size_t pairs, std::mt19937_64& random) {
  std::vector<std::size_t> firsts(launches / 2);
  std::iota(firsts.begin(), firsts.end(), std::size_t{0});
  std::shuffle(firsts.begin(), firsts.end(), random);
  firsts.resize(std::min(firsts.size(), pairs));
  std::sort(firsts.begin(), firsts.end());
  Split split;
  for (const std::size_t pair : firsts) {
    const std::size_t swapped = random() % 2;
    split.base.push_back(2 * pair + swapped);
    split.fresh.push_back(2 * pair + 1 - swapped);
  }
  return split;
}

void make_slower(Report& report, const std::string& part, double factor) {
  for (CaseResult& result : report.cases) {
    for (Measurement& m : result.measurements) {
      if (m.part != part || m.role != Role::measured) continue;
      for (double& value : m.samples.values) value *= factor;
    }
  }
}

struct Counts {
  std::int64_t told_wrong = 0, told_right = 0, same = 0, open = 0;
  std::int64_t parts() const { return told_wrong + told_right + same + open; }
};

/// Verdicts over many splits. `planted`: a part whose new times are made longer by `factor`; empty: none.
Counts study(const Report& pool, Design design, std::size_t pairs, int splits, const std::string& planted = {},
             double factor = 1) {
  std::mt19937_64 random(1);
  Counts counts;
  for (int i = 0; i < splits; ++i) {
    const Split split = design == Design::groups ? groups(pool.launches.size(), random)
                                                 : neighbours(pool.launches.size(), pairs, random);
    const Report base = selected_launches(pool, split.base);
    Report fresh = selected_launches(pool, split.fresh);
    make_slower(fresh, planted, factor);
    for (const ComparedPart& part : compare_reports(base, fresh, design).parts) {
      if (part.role != Role::measured || part.is_meter) continue;
      if (!planted.empty() && part.part != planted) continue;
      if (part.verdict == Verdict::same) ++counts.same;
      if (part.verdict == Verdict::cannot_tell) ++counts.open;
      if (part.verdict == Verdict::faster) ++counts.told_wrong;
      if (part.verdict == Verdict::slower) ++(planted.empty() ? counts.told_wrong : counts.told_right);
    }
  }
  return counts;
}

void say(const std::string& what, const Counts& counts) {
  const auto percent = [&](std::int64_t count) {
    return 100.0 * static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(counts.parts(), 1));
  };
  fmt::print("{:<52} {:>6} parts: {:5.1f} % wrong, {:5.1f} % found, {:5.1f} % SAME, {:5.1f} % CANNOT TELL\n", what,
             counts.parts(), percent(counts.told_wrong), percent(counts.told_right), percent(counts.same),
             percent(counts.open));
}

int study_pool(const char* file, int splits) {
  const Report pool = read_report(file);
  fmt::print("{} launches, {} splits\n", pool.launches.size(), splits);
  const std::size_t all = pool.launches.size() / 2;
  say("the same, groups", study(pool, Design::groups, 0, splits));
  say("the same, pairs", study(pool, Design::pairs, all, splits));
  std::map<std::string, bool> parts;
  for (const CaseResult& result : pool.cases) {
    for (const Measurement& m : result.measurements) {
      if (m.role == Role::measured) parts[m.part] = true;
    }
  }
  for (const auto& [part, unused] : parts) {
    for (const auto& [factor, pairs] : {std::pair{1.10, std::size_t{16}}, {1.05, std::size_t{40}}}) {
      const std::size_t taken = std::min(pairs, all);
      say(fmt::format("{} {:.0f} % slower, {} pairs", part, 100 * (factor - 1), taken),
          study(pool, Design::pairs, taken, splits, part, factor));
    }
  }
  return 0;
}

}  // namespace
}  // namespace moeperf::test

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (argc < 2) {
    fmt::print(stderr, "launch_study POOL.h5 [SPLITS]\n");
    return moeperf::exit_usage;
  }
  try {
    return moeperf::test::study_pool(arguments[1], argc > 2 ? std::atoi(arguments[2]) : 200);
  } catch (const moeperf::Error& error) {
    fmt::print(stderr, "launch_study: {}\n", error.what());
    return moeperf::exit_failure;
  }
}
