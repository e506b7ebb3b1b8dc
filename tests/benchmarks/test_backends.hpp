#pragma once

#include "harness/machine.hpp"
#include "kernels/backends.hpp"

namespace moeperf::test {

/// The kernel backends of a test program.
inline Backends& test_backends() {
  static Backends backends({num_threads()});
  return backends;
}

}  // namespace moeperf::test
