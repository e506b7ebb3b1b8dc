#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/benchmark.hpp"
#include "harness/instruments.hpp"
#include "harness/stopping.hpp"
#include "harness/watch.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace moeperf {

/// Takes a case's samples. Everything but the accessors is collective.
class Sampler {
 public:
  /// Asks the benchmark, which is prepared, for its parts and meters. All arguments outlive this.
  Sampler(Benchmark& benchmark, const Communicator& comm, const Instruments& instruments, Watch& watch);

  const std::vector<PartInfo>& parts() const { return parts_; }
  std::int64_t count() const { return static_cast<std::int64_t>(durations_.front().size()); }
  /// This rank's times of a part.
  const std::vector<double>& own_times(std::size_t part) const { return durations_[part]; }

  /// Warms up and samples until it is enough; all ranks stop together.
  StopReason take(const SamplingPlan& plan);

  // All ranks' values of what was taken; complete on rank 0 only.
  Samples gather_times(std::size_t part) const;
  std::vector<MeterSeries> gather_meters() const;

 private:
  using Series = std::vector<std::vector<double>>;  ///< [part or meter][sample]
  /// A start of this rank that does not count.
  struct Flag {
    std::int64_t sample;
    std::string_view reason;
  };

  void take_batch(std::int64_t count, bool warm_up);
  void take_one(bool warm_up);
  void clear();
  void agree_from(std::size_t first);
  std::vector<double> invalid_on_any_rank(std::size_t part, std::size_t first) const;
  std::vector<std::int64_t> launch_sizes() const;
  std::vector<InvalidSample> gather_flags(std::size_t part) const;

  Benchmark& benchmark_;
  const Communicator& comm_;
  const SampleClock& clock_;
  Synchroniser& synchroniser_;
  Watch& watch_;
  std::vector<PartInfo> parts_;
  std::vector<MeterInfo> meters_;
  Series durations_, starts_, readings_;
  std::vector<std::vector<Flag>> flags_;  ///< [part]
  Series slowest_;                        ///< [part], over the ranks, of the samples that count
};

}  // namespace moeperf
