#include "harness/runner.hpp"

#include "kernels/base/error.hpp"
#include "results/statistics.hpp"
#include "tests/catch.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <set>
#include <stdexcept>
#include <thread>

namespace moeperf {
namespace {

/// Sleeps a known time on one rank, so that the harness has something to find.
class Sleeper final : public Benchmark {
 public:
  int warm_calls = 0;
  bool right = true;
  bool fail_prepare_on_last_rank = false;
  bool check_nothing = false;
  bool has_meter = false;
  std::int64_t repetitions = 1;
  bool has_onlookers = false;
  double ceiling_flop_per_s = 0;
  bool is_unsupported = false, lacks_memory = false;
  const Communicator* comm = nullptr;

  void prepare() override {
    if (fail_prepare_on_last_rank && comm->rank() == comm->size() - 1) throw std::runtime_error("no luck here");
    if (is_unsupported) throw UnsupportedError("not with these ranks");
    if (lacks_memory && comm->rank() == 0) throw std::bad_alloc();
  }
  std::vector<PartInfo> parts() const override {
    return {{.name = "first",
             .baselines = {"base"},
             .repetitions = repetitions,
             .looks_on = has_onlookers && comm->rank() == 0,
             .ceiling_flop_per_s = ceiling_flop_per_s},
            {.name = "base", .role = Role::baseline}};
  }
  std::vector<MeterInfo> meters() const override {
    if (!has_meter) return {};
    return {{.name = "charge", .unit = "C", .across_ranks = AcrossRanks::sum}};
  }
  WorkModel work(std::size_t part) const override {
    WorkModel work;
    if (part == 0) work.flop_useful = 10;
    return work;
  }
  /// As noisy as can be.
  double read(std::size_t) override { return warm_calls / 2 % 2 == 0 ? -1e-6 : 1.0; }
  void run(std::size_t part) override {
    ++warm_calls;
    poisoned_.erase(part);
    if (part == 0 && comm->rank() == comm->size() - 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  void poison() override { poisoned_ = {0, 1}; }
  Verification verify() override {
    Verification verification;
    verification.passed = right && poisoned_.empty();
    verification.checked = check_nothing ? 0 : 5;
    verification.wrong = verification.passed ? 0 : 1;
    return verification;
  }

 private:
  std::set<std::size_t> poisoned_;
};

struct Fixture {
  Communicator comm{MPI_COMM_WORLD};
  Instruments instruments{comm};
  SamplingPlan plan{1, 12, 0.05, 0.0};
  Sleeper benchmark;
  Watch watch;
  CaseResult result;
  Fixture() { benchmark.comm = &comm; }
  void run() { run_case(benchmark, comm, instruments, plan, watch, result); }
};

TEST_CASE_METHOD(Fixture, "a case keeps every rank's samples and finds the slow rank", "[mpi]") {
  run();
  REQUIRE(result.verification.passed);
  REQUIRE(result.measurements.size() == 2);
  REQUIRE(result.measurements[0].work.flop_useful == 10.0 * comm.size());
  if (!comm.is_root()) return;
  const Samples& samples = result.measurements[0].samples;
  REQUIRE(samples.num_ranks == comm.size());
  REQUIRE(samples.num_samples() >= 12);
  for (std::int64_t sample = 0; sample < samples.num_samples(); ++sample) {
    REQUIRE(samples.at(sample, comm.size() - 1) >= 0.002);
  }
}

TEST_CASE_METHOD(Fixture, "a wrong result is marked on all ranks", "[mpi]") {
  benchmark.right = comm.rank() != 0;
  run();
  REQUIRE_FALSE(result.verification.passed);
  REQUIRE(result.verification.wrong == 1);
}

TEST_CASE_METHOD(Fixture, "a verification that compares nothing does not pass", "[mpi]") {
  benchmark.check_nothing = true;
  run();
  REQUIRE_FALSE(result.verification.passed);
}

TEST_CASE_METHOD(Fixture, "a failing preparation on one rank skips the case on all, with its reason", "[mpi]") {
  benchmark.fail_prepare_on_last_rank = true;
  run();
  REQUIRE(result.skip_reason.find("no luck here") != std::string::npos);
  REQUIRE(result.skip_reason.find("rank " + std::to_string(comm.size() - 1)) != std::string::npos);
  REQUIRE(result.measurements.empty());
  REQUIRE(result.should_run);
}

TEST_CASE_METHOD(Fixture, "running out of memory while preparing is said so, and should not have been", "[mpi]") {
  benchmark.lacks_memory = true;
  run();
  REQUIRE(result.skip_reason == "rank 0: out of memory");
  REQUIRE(result.should_run);
}

TEST_CASE_METHOD(Fixture, "what is unsupported is skipped, and a finding only if it was asked for by name", "[mpi]") {
  benchmark.is_unsupported = true;
  run();
  REQUIRE(result.skip_reason == "rank 0: not with these ranks");
  REQUIRE_FALSE(result.should_run);
  result.should_run = true;
  run();
  REQUIRE(result.should_run);
}

TEST_CASE_METHOD(Fixture, "a meter is read once for every sample, and not waited for, however noisy", "[mpi]") {
  benchmark.has_meter = true;
  plan = {1, 12, 5.0, 0.5};
  run();
  REQUIRE(result.verification.passed);
  REQUIRE(result.stop_reason == "target_ci");
  REQUIRE(result.measurements.size() == 2);
  REQUIRE(result.meters.size() == 1);
  const MeterSeries& meter = result.meters[0];
  REQUIRE(meter.meter == "charge");
  REQUIRE(meter.unit == "C");
  REQUIRE(meter.across_ranks == AcrossRanks::sum);
  if (!comm.is_root()) return;
  REQUIRE(meter.samples.num_samples() == result.measurements[0].samples.num_samples());
  const std::vector<double>& values = meter.samples.values;
  REQUIRE(std::set<double>(values.begin(), values.end()) == std::set<double>{-1e-6, 1.0});
}

TEST_CASE_METHOD(Fixture, "of a repeated operation the time of one is stored", "[mpi]") {
  benchmark.repetitions = 1000;
  run();
  if (!comm.is_root()) return;
  for (const double seconds : max_over_ranks(result.measurements[0].samples)) {
    REQUIRE(seconds >= 2e-6);
    REQUIRE(seconds < 2e-3);
  }
}

TEST_CASE_METHOD(Fixture, "a rank that looks on gets the time of the slowest at work", "[mpi]") {
  benchmark.has_onlookers = true;
  run();
  if (!comm.is_root()) return;
  const Samples& samples = result.measurements[0].samples;
  for (std::int64_t sample = 0; sample < samples.num_samples(); ++sample) {
    double slowest = 0;
    for (int rank = 1; rank < comm.size(); ++rank) slowest = std::max(slowest, samples.at(sample, rank));
    REQUIRE(samples.at(sample, 0) == slowest);
  }
}

TEST_CASE_METHOD(Fixture, "a rate above what the machine was calibrated to makes the case wrong and names the part",
                 "[mpi]") {
  benchmark.ceiling_flop_per_s = 1e12;
  run();
  REQUIRE(result.verification.passed);
  REQUIRE(result.metrics.at("first_ceiling_flop_per_s") == 1e12 * comm.size());
  result = {};
  benchmark.ceiling_flop_per_s = 100;  // 10 FLOP in 2 ms are 5 kFLOP/s
  run();
  REQUIRE_FALSE(result.verification.passed);
  REQUIRE(result.verification.failed.size() == 1);
  REQUIRE(result.verification.failed[0].find(": first claims ") != std::string::npos);
  REQUIRE(result.verification.failed[0].starts_with("rank "));
}

/// As a barrier, but on the last rank every other start does not count.
class LateSynchroniser final : public Synchroniser {
 public:
  LateSynchroniser(const Communicator& comm, int every) : comm_(comm), every_(every) {}
  const char* name() const override { return "late"; }
  std::string_view align() override {
    comm_.barrier();
    return ++starts_ % every_ == 0 && comm_.rank() == comm_.size() - 1 ? "late start" : "";
  }
  void finish(CaseResult& result) override { result.metrics["starts"] = starts_; }

 private:
  const Communicator& comm_;
  int every_, starts_ = 0;
};

TEST_CASE_METHOD(Fixture, "starts are kept in order, and one that does not count keeps its sample out of summaries",
                 "[mpi]") {
  instruments.synchroniser = std::make_unique<LateSynchroniser>(comm, 4);  // of two parts: every other of the second
  plan = {0, 12, 0.0, 0.5, 12};
  run();
  REQUIRE(result.metrics.at("starts") == 24);
  if (!comm.is_root()) return;
  const Samples &first = result.measurements[0].samples, &second = result.measurements[1].samples;
  REQUIRE(first.invalid.empty());
  REQUIRE(summarize(first).num_samples == 12);
  REQUIRE(second.num_samples() == 12);
  REQUIRE(second.invalid.size() == 6);
  for (std::int64_t i = 0; i < 6; ++i) {
    REQUIRE(second.invalid[static_cast<std::size_t>(i)] == InvalidSample{2 * i + 1, comm.size() - 1, "late start"});
  }
  REQUIRE(summarize(second).num_samples == 6);
  REQUIRE(summarize(second).num_invalid == 6);
  const auto begin = [&](const Samples& s, std::int64_t sample, int rank) {
    return s.starts_s[static_cast<std::size_t>(sample * comm.size() + rank)];
  };
  for (int rank = 0; rank < comm.size(); ++rank) {
    double last = 0;
    for (std::int64_t sample = 0; sample < 12; ++sample) {
      REQUIRE(begin(first, sample, rank) >= last);
      REQUIRE(begin(second, sample, rank) >= begin(first, sample, rank) + first.at(sample, rank));
      last = begin(second, sample, rank) + second.at(sample, rank);
    }
  }
}

TEST_CASE_METHOD(Fixture, "a case none of whose starts counts ends for the time, and has no summary", "[mpi]") {
  instruments.synchroniser = std::make_unique<LateSynchroniser>(comm, 1);
  run();
  REQUIRE(result.stop_reason == "max_time");
  if (!comm.is_root()) return;
  const Summary summary = summarize(result.measurements[0].samples);
  REQUIRE(summary.num_samples == 0);
  REQUIRE(summary.num_invalid >= 12);
}

TEST_CASE("the clock tells apart and reads within what it says, and runs a part between its readings") {
  Communicator comm(MPI_COMM_WORLD);
  const Instruments instruments(comm);
  REQUIRE(std::string(instruments.clock->name()) == "steady");
  REQUIRE(std::string(instruments.synchroniser->name()) == "barrier");
  const ClockQuality quality = instruments.clock->quality();
  REQUIRE(quality.resolution_s > 0);
  REQUIRE(quality.resolution_s < 1e-3);
  REQUIRE(quality.read_cost_s > 0);
  REQUIRE(quality.read_cost_s < 1e-4);
  Sleeper benchmark;
  benchmark.comm = &comm;
  const double before_s = instruments.clock->now_s();
  const Interval interval = instruments.clock->time(benchmark, 0);
  const double after_s = instruments.clock->now_s();
  REQUIRE(benchmark.warm_calls == 1);
  REQUIRE(before_s <= interval.start_s);
  REQUIRE(interval.start_s + interval.duration_s <= after_s);
  if (comm.rank() == comm.size() - 1) REQUIRE(interval.duration_s >= 0.002);
}

TEST_CASE("an unknown clock or synchroniser is the user's error, with those there are") {
  REQUIRE_THROWS_AS(check_names({.synchroniser = "sundial"}), UserError);
  REQUIRE_THROWS_AS(check_names({.clock = "sundial"}), UserError);
  REQUIRE_NOTHROW(check_names({}));
}

TEST_CASE("sampling stops for the interval, for the time, and never before the minimum") {
  const SamplingPlan plan{0, 10, 1.0, 0.05};
  const std::vector<std::vector<double>> steady{std::vector<double>(20, 1.0)};
  std::vector<std::vector<double>> wild{{}};
  for (int i = 0; i < 20; ++i) wild[0].push_back(i % 2 == 0 ? 1.0 : 2.0);
  const std::vector<std::vector<double>> few{std::vector<double>(9, 1.0)};
  REQUIRE(reason_to_stop(plan, 20, steady, 0.1) == StopReason::target_ci);
  REQUIRE(reason_to_stop(plan, 20, wild, 0.1) == std::nullopt);
  REQUIRE(reason_to_stop(plan, 20, wild, 1.1) == StopReason::max_time);
  REQUIRE(reason_to_stop(plan, 9, few, 9.0) == std::nullopt);
}

}  // namespace
}  // namespace moeperf
