#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/traffic/trace.hpp"
#include "kernels/workload.hpp"

#include <memory>
#include <string>

namespace moeperf {

/// The recorded routing of traffic.trace (read as its trace_layout and trace_layer say) for a gate's E and K, read by
/// rank 0 for all. Missing weights become 1/K for each copy that was not dropped. Collective; throws UserError on every
/// rank where the file cannot be read, is damaged, has other E or K, a layout that nothing names, or choices that no
/// gate makes.
std::shared_ptr<const RecordedRouting> read_recording(const Communicator& comm, const TrafficConfig& traffic,
                                                      const GateConfig& gate);

}  // namespace moeperf
