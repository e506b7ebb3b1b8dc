#pragma once

#include "comm/mpi/communicator.hpp"

namespace moeperf {

/// Settles how many OpenMP threads this rank's parallel regions have, for the rest of the run: no region gets fewer
/// because the machine is busy (dynamic adjustment is off), and num_threads() (harness/machine.hpp) says how many.
/// Libraries split their work by the number that was asked for; with a smaller team a part of it is never done. So
/// where OMP_NUM_THREADS asks for what cannot be had, throws UserError on all ranks. Collective, by the main thread,
/// before anything that depends on the number.
void settle_thread_team(const Communicator& comm);

}  // namespace moeperf
