#include "harness/instruments.hpp"

namespace moeperf {

void check_names(const InstrumentNames& names) {
  (void)clock_registry().at(names.clock);
  (void)synchroniser_registry().at(names.synchroniser);
}

Instruments::Instruments(const Communicator& comm, const InstrumentNames& names)
    : clock(clock_registry().make(names.clock, {})),
      synchroniser(synchroniser_registry().make(names.synchroniser, {comm, *clock})) {}

}  // namespace moeperf
