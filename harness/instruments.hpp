#pragma once

#include "harness/sample_clock.hpp"
#include "harness/synchroniser.hpp"

#include <memory>
#include <string>

namespace moeperf {

/// Names of the clock and the synchroniser that samples are taken with.
struct InstrumentNames {
  std::string clock = "steady";
  std::string synchroniser = "barrier";
};

/// Throws UserError where there is none of these names. Local.
void check_names(const InstrumentNames& names);

/// What a launch takes its samples with, made at its start. Collective over `comm`, which outlives it.
struct Instruments {
  std::unique_ptr<SampleClock> clock;
  std::unique_ptr<Synchroniser> synchroniser;

  explicit Instruments(const Communicator& comm, const InstrumentNames& names = {});
};

}  // namespace moeperf
