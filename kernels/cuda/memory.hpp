#pragma once

#include "kernels/base/buffer.hpp"

namespace moeperf {

/// Memory of the device that is current when it is allocated. runtime() is "cuda".
MemoryResource& cuda_memory();

/// Page-locked host memory, which every device copies to and from at full speed and without a stop in the driver.
MemoryResource& cuda_pinned_memory();

}  // namespace moeperf
