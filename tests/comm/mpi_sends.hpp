#pragma once

#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"

namespace moeperf::test {

/// Bytes that this process has handed to MPI for each destination since the last call, by where the destination is seen
/// from this rank of `comm`. Counted by wrappers around the calls that send (MPI's profiling interface), whoever calls
/// them; what a reduction or a barrier sends has no destination and is left out.
WireBytes take_mpi_sends(const Communicator& comm);

}  // namespace moeperf::test
