#pragma once

#include "results/model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// One timed part of a benchmark. `work` is this rank's share; the runner adds the ranks up.
struct PartInfo {
  std::string name;
  WorkModel work;
  std::vector<std::string> baselines;  ///< see Measurement::baselines
  double baseline_work_ratio = 1.0;
  Role role = Role::measured;
  /// FLOP/s that this rank cannot exceed, from a calibration; 0: not known. A part whose median says more has not done
  /// what it claims, and makes the case wrong.
  double ceiling_flop_per_s = 0;
};

/// Something that can be measured: one case, made for given coordinates. All calls are collective and
/// come in the order prepare, parts, {before_sample, run(0) … run(n−1), after_sample}*, poison,
/// run(0) … run(n−1), verify, finish.
class Benchmark {
 public:
  virtual ~Benchmark() = default;

  /// Allocates and computes everything that the timed part needs. May throw on any rank.
  virtual void prepare() = 0;
  virtual std::vector<PartInfo> parts() const = 0;
  /// The timed body of one part: no allocation, printing or file access once warm. Returns when this
  /// rank's part is complete (the backend's queue waited for).
  virtual void run(std::size_t part) = 0;
  /// Seconds of a part of Role::part, which is timed inside the parts before it. Such a part is not run, its samples
  /// are what this says after each.
  virtual std::optional<double> timed_inside_s(std::size_t part) const {
    (void)part;
    return std::nullopt;
  }

  /// What is stored as the time of the last run of a part, which took `elapsed_s` on this rank: by default that. One
  /// that repeats a short operation gives the time of one; one in which only some ranks are at work gives the others
  /// their time, since to look on is not to wait. Not for parts of Role::part. Untimed.
  virtual double sample_s(std::size_t part, double elapsed_s) {
    (void)part;
    return elapsed_s;
  }

  /// Untimed work around each sample.
  virtual void before_sample() {}
  virtual void after_sample() {}
  /// A benchmark whose samples are not repetitions of the same thing says how many there are; no
  /// warm-up then, and no stopping rule.
  virtual std::optional<std::int64_t> fixed_samples() const { return std::nullopt; }

  /// Fills the outputs of the timed runs, the baselines' too, with a pattern that no correct run leaves behind.
  virtual void poison() = 0;
  /// Compares the outputs with the reference, the baselines' too; this rank's part.
  virtual Verification verify() = 0;
  /// Adds figures and notes that belong to the case.
  virtual void finish(CaseResult& result) { (void)result; }
};

}  // namespace moeperf
