#include "comm/mpi/communicator.hpp"
#include "harness/instruments.hpp"
#include "tests/catch.hpp"
#include "tests/harness/skewed_clock.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace moeperf {
namespace {

// The ranks of these tests share a machine, and so its monotonic clock.

TEST_CASE("nobody starts before the last has come, whatever brings the ranks together", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  for (const auto& entry : synchroniser_registry().entries()) {
    INFO("synchroniser " << entry.name);
    const Instruments instruments(comm, {.synchroniser = entry.name});
    instruments.synchroniser->prepare();
    for (int last = 0; last < comm.size(); ++last) {
      if (comm.rank() == last) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const double came_s = SkewedClock::true_s();
      (void)instruments.synchroniser->align();
      const double starts_s = SkewedClock::true_s();
      REQUIRE(starts_s >= comm.max(came_s));
    }
    CaseResult result;
    instruments.synchroniser->finish(result);
  }
}

/// Jumps ahead once, as a rank does that was not scheduled for a while.
struct JumpingClock final : SampleClock {
  mutable SkewedClock clock;
  mutable int readings_to_jump = -1;

  const char* name() const override { return "jumping"; }
  double now_s() const override {
    if (readings_to_jump >= 0 && readings_to_jump-- == 0) clock.offset_s += 0.5;
    return clock.now_s();
  }
  Interval time(Benchmark& benchmark, std::size_t part) const override { return clock.time(benchmark, part); }
  ClockQuality quality() const override { return clock.quality(); }
};

TEST_CASE("a rank that hears of the agreed start too late says so, and the window grows", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const JumpingClock clock;
  const auto window = synchroniser_registry().make("window", {comm, clock});
  window->prepare();
  CaseResult before;
  window->finish(before);
  window->prepare();
  const bool is_late = comm.rank() == comm.size() - 1;
  // The first reading of a start makes the proposal, the second finds out how late it is.
  if (is_late) clock.readings_to_jump = 1;
  const std::string_view reason = window->align();
  if (is_late) REQUIRE(reason == "late start");
  CaseResult result;
  window->finish(result);
  REQUIRE(result.metrics.at("late_starts") >= 1);
  REQUIRE(result.metrics.at("late_start_max_s") > 0.4);
  REQUIRE(result.metrics.at("clock_error_s") >= 0);
}

TEST_CASE("starts of a window that count lie near each other, however crowded the machine is", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const Instruments instruments(comm, {.synchroniser = "window"});
  instruments.synchroniser->prepare();
  std::int64_t late = 0;
  std::vector<double> skews_s;
  for (int i = 0; i < 200; ++i) {
    const std::string_view reason = instruments.synchroniser->align();
    const double own_s = SkewedClock::true_s();
    late += reason.empty() ? 0 : 1;
    const double skew_s = comm.max(own_s) - comm.min(own_s);
    if (!comm.all(reason.empty())) continue;
    skews_s.push_back(skew_s);
  }
  CaseResult result;
  instruments.synchroniser->finish(result);
  REQUIRE(result.metrics.at("window_s") > 0);
  REQUIRE(result.metrics.at("late_starts") == static_cast<double>(comm.sum(late)));
  const double known_s = 1e-4 + 2 * result.metrics.at("clock_error_s");
  const auto near = std::count_if(skews_s.begin(), skews_s.end(), [&](double skew_s) { return skew_s < known_s; });
  INFO(near << " of " << skews_s.size() << " starts within " << known_s << " s");
  REQUIRE(2 * near >= static_cast<std::int64_t>(skews_s.size()));  // a rank may lose its processor after its start
}

}  // namespace
}  // namespace moeperf
