#pragma once

#include <string>

namespace moeperf {

/// One of this node's GPUs, as this process sees them.
struct CudaDevice {
  int index = -1;      ///< for cudaSetDevice
  std::string bus_id;  ///< PCI, "0000:17:00.0": the same for all processes of the node
  std::string reason;  ///< not empty: there is none, and why
};

/// The GPU of the process that is number `rank_on_node` on its node: they are dealt out in turn. Where the launcher
/// shows each process a GPU of its own (CUDA_VISIBLE_DEVICES), that one. Does not touch the device.
CudaDevice cuda_device_of(int rank_on_node);

/// The GPU that calls go to now, for a process whose kernels have chosen one.
CudaDevice current_cuda_device();

}  // namespace moeperf
