#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/sample_clock.hpp"
#include "kernels/base/registry.hpp"
#include "results/report.hpp"

#include <string_view>

namespace moeperf {

/// Brings the ranks to a common start before each timed part. One for a launch.
class Synchroniser {
 public:
  virtual ~Synchroniser() = default;
  virtual const char* name() const = 0;
  /// Collective, before a case's first sample: what has to be learnt of the ranks' clocks, such as their offsets.
  virtual void prepare() {}
  /// Collective; returns as nearly at the same time on all ranks as the method can. Empty, or why the start of this
  /// rank does not count, such as "late start": a text that outlives the launch. The sample is then kept with that
  /// reason, and left out of summaries.
  virtual std::string_view align() = 0;
  /// Collective, after a case's last sample: adds what was found about the starts to the case's metrics and notes.
  virtual void finish(CaseResult& result) { (void)result; }
};

/// Both outlive the synchroniser.
struct SynchroniserContext {
  const Communicator& comm;
  const SampleClock& clock;
};
using SynchroniserRegistry = Registry<Synchroniser, SynchroniserContext>;
SynchroniserRegistry& synchroniser_registry();

}  // namespace moeperf
