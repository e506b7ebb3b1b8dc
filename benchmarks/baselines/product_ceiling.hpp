#pragma once

#include "kernels/backends.hpp"

namespace moeperf {

/// FLOP/s of matrix products in `dtype` that a backend with all of this rank's threads cannot exceed: the number of
/// threads times what one reaches in a product of 512³, times two. One alone runs at least as fast as each of many, and
/// such a product comes near the peak, nearer than half in any case; what is above has left out work. The rate is
/// measured once for each type, by processor time, so that a crowded machine does not lower it, and its product is
/// verified. 0, which is not known, for a backend on a device and where processor time is counted in ticks. Local.
double product_ceiling(Backends& backends, KernelBackend& backend, DType dtype);

}  // namespace moeperf
