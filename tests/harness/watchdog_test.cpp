#include "harness/watchdog.hpp"

#include "tests/catch.hpp"

#include <chrono>

namespace moeperf {
namespace {

// That it ends a run that stalls is tested from outside: tests/stall_test.sh.
TEST_CASE("ranks that go on, in steps below the limit, are left alone for longer than the limit", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  Watch watch;
  bool recorded = false;
  Ending ending(watch, [&](const std::string&) { recorded = true; });
  auto work = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); };
  {
    const Watchdog watchdog(comm, watch, TimeLimits{2, 20}, ending);
    {
      const WatchedCase watched(watch, "tiny");
      watch.enter(Step::prepare);
      work(2.5);  // preparation has a limit of its own
      watch.name_parts({"dispatch"});
      for (int sample = 0; sample < 10; ++sample) {
        watch.enter(Step::align, 0, sample);
        comm.barrier();
        watch.enter(Step::run, 0, sample);
        work(comm.rank() == 0 ? 0.25 : 0.05);
      }
    }
    work(2.5);  // outside of the cases there is no limit
  }
  REQUIRE_FALSE(recorded);
}

}  // namespace
}  // namespace moeperf
