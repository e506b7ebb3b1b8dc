#pragma once

#include "results/report.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// One timed part of a benchmark: what is known before it runs, and does not change. Name by name, as in
/// `{.name = "gate", .baselines = {"plain_gemm"}}`.
struct PartInfo {
  std::string name;  ///< no two parts of a benchmark have one name
  Role role = Role::measured;
  std::vector<std::string> baselines{};  ///< see Measurement::baselines
  double baseline_work_ratio = 1.0;
  /// How often a run repeats the operation: the time of one is stored.
  std::int64_t repetitions = 1;
  /// Whether this rank has nothing to do: to look on is not to wait, so it gets the time of the slowest of those at
  /// work.
  bool looks_on = false;
  /// FLOP/s that this rank cannot exceed, from a calibration; 0: not known. A part whose median says more has not done
  /// what it claims, and makes the case wrong.
  double ceiling_flop_per_s = 0;
};

/// A series that a benchmark records beside the times of its parts, one value for each sample and rank.
struct MeterInfo {
  std::string name;  ///< no two meters of a benchmark have one name
  std::string unit;  ///< see MeterSeries
  AcrossRanks across_ranks = AcrossRanks::max;
};

/// Something that can be measured: one case, made for given coordinates. All calls are collective and
/// come in the order prepare, parts, meters, {before_sample, {lead_in, run}(0) … (n−1), after_sample,
/// read(0) … read(m−1)}*, work(0) … work(n−1), poison, run(0) … run(n−1), verify, finish.
class Benchmark {
 public:
  virtual ~Benchmark() = default;

  /// Allocates and computes everything that the timed part needs. May throw on any rank.
  virtual void prepare() = 0;
  /// Asked once. As many on all ranks, with the same names, roles and repetitions.
  virtual std::vector<PartInfo> parts() const = 0;
  /// Asked once; the same on all ranks.
  virtual std::vector<MeterInfo> meters() const { return {}; }
  /// Untimed, between the common start and run(): what the timed operations follow without a pause.
  virtual void lead_in(std::size_t part) { (void)part; }
  /// The timed body of one part: no allocation, printing or file access once warm. Returns when this
  /// rank's part is complete (the backend's queue waited for).
  virtual void run(std::size_t part) = 0;
  /// This rank's share of the work of one operation of a part; the runner adds the ranks up. Asked after the samples,
  /// since bytes on the wire are known only once something was sent.
  virtual WorkModel work(std::size_t part) const = 0;
  /// What a meter says of the sample just taken, on this rank. Untimed.
  virtual double read(std::size_t meter) {
    (void)meter;
    return 0;
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
