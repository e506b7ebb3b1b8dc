#pragma once

#include "tests/fake_device.hpp"

#include <cuda_runtime_api.h>

#include <functional>

namespace moeperf::test {

/// Device memory as cudaMalloc of tests/fake_gpu/cuda_runtime.cpp hands it out.
FakeDeviceMemory& gpu_memory();

/// Runs `work`, which may touch device memory, in the order of the stream, as late as somebody waits for it.
void launch_on(cudaStream_t stream, std::function<void()> work);

}  // namespace moeperf::test
