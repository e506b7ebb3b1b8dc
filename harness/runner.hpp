#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/benchmark.hpp"
#include "harness/instruments.hpp"
#include "harness/stopping.hpp"
#include "harness/watch.hpp"

namespace moeperf {

/// Takes one case through preparation, sampling, verification. Collective. On return rank 0's `result`
/// holds measurements (all ranks' raw samples), verification, stop reason; other ranks' hold the
/// verification only. A case that fails in prepare() or verify() on any rank is marked as skipped or
/// failed on all of them; an exception inside a timed part escapes, since other ranks may be waiting
/// for this one. `watch` follows every step, for a Watchdog.
void run_case(Benchmark& benchmark, const Communicator& comm, const Instruments& instruments, const SamplingPlan& plan,
              Watch& watch, CaseResult& result);

}  // namespace moeperf
