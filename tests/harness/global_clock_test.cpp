#include "harness/global_clock.hpp"

#include "tests/catch.hpp"
#include "tests/harness/skewed_clock.hpp"

#include <chrono>
#include <cmath>
#include <thread>

namespace moeperf {
namespace {

// The ranks of these tests share a machine, so that one monotonic clock is the truth.

TEST_CASE("rank 0's clock is known on every rank, wherever its own began", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const SkewedClock own(100.0 * comm.rank() - 50), of_root(-50);
  GlobalClock global(comm, own);
  global.measure();
  REQUIRE(global.drift() == 0);
  const double truth_s = of_root.now_s();
  const double found_s = global.now_s();
  const double between_s = of_root.now_s() - truth_s, error_s = global.error_s(own.now_s());
  REQUIRE(error_s < 1);
  REQUIRE(std::abs(found_s - truth_s) <= error_s + between_s);
  REQUIRE(std::abs(global.own_s(global.global_s(7)) - 7) < 1e-9);
}

TEST_CASE("a clock that runs at another rate is followed from the second measurement on", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const SkewedClock own(3.0 * comm.rank(), 1 + 2e-5 * comm.rank()), of_root;
  GlobalClock global(comm, own);
  global.measure();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  global.measure();
  REQUIRE(std::abs(global.drift() - (1 / own.rate - 1)) <= global.drift_error() + 1e-12);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double truth_s = of_root.now_s();
  const double found_s = global.now_s();
  const double between_s = of_root.now_s() - truth_s, error_s = global.error_s(own.now_s());
  REQUIRE(std::abs(found_s - truth_s) <= error_s + between_s);
  REQUIRE(error_s < 1);
}

}  // namespace
}  // namespace moeperf
