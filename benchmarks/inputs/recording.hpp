#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/traffic/recording.hpp"
#include "kernels/workload.hpp"

#include <memory>
#include <string>

namespace moeperf {

/// The recorded routing of a pattern's source for a gate's E and K, read by rank 0 for all. Missing weights become 1/K
/// for each copy that was not dropped. Collective; throws UserError on every rank where the file cannot be read, is
/// damaged, has other E or K or no step that is asked for, a layout that nothing names, or choices that no gate makes.
std::shared_ptr<const RecordedRouting> read_recording(const Communicator& comm, const RecordingSource& source,
                                                      const GateConfig& gate);

}  // namespace moeperf
