#include "benchmarks/baselines/product_ceiling.hpp"

#include "benchmarks/verification/plain_gemm_check.hpp"
#include "harness/clock.hpp"
#include "kernels/base/error.hpp"

#include <time.h>

#include <algorithm>
#include <limits>
#include <map>

namespace moeperf {
namespace {

constexpr double margin = 2;
constexpr std::int64_t size = 512;
/// Time that a clock which was low needs to rise.
constexpr double spend_s = 0.1;

/// Seconds of processor time of the calling thread.
double thread_time_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double measure_one_thread(Backends& backends, DType dtype) {
  KernelBackend& backend = backends.on_host_alone();
  const auto gemm = backend.make_plain_gemm(size, size, size, dtype);
  gemm->run();
  poison(*gemm, backend.queue());
  double best_s = std::numeric_limits<double>::infinity();
  const double begin = now_s();
  do {
    const double start = thread_time_s();
    gemm->run();
    backend.queue().wait();
    best_s = std::min(best_s, thread_time_s() - start);
  } while (now_s() - begin < spend_s);
  Checker checker("calibration");
  check_plain_gemm(checker, *gemm, backend.queue(), 0);
  if (!checker.result().passed) throw Error("the product that one thread is calibrated with is wrong");
  // A clock that only ticks tells nothing.
  return best_s > 0 ? static_cast<double>(gemm->flop()) / best_s : 0;
}

}  // namespace

double product_ceiling(Backends& backends, KernelBackend& backend, DType dtype) {
  if (backend.memory().space() != MemorySpace::host) return 0;
  static std::map<DType, double> of_one_thread;
  const auto known = of_one_thread.find(dtype);
  const double rate =
      known != of_one_thread.end() ? known->second : of_one_thread[dtype] = measure_one_thread(backends, dtype);
  return margin * backends.context().num_threads * rate;
}

}  // namespace moeperf
