#include "harness/watchdog.hpp"

#include "tests/catch.hpp"
#include "tests/results/child.hpp"

#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

namespace moeperf {
namespace {

void work(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// Runs `body` as the only rank of a run, in a process of its own.
struct ChildRun {
  std::string end, reasons;  // how it ended, and what was recorded, a line each

  ChildRun(const TimeLimits& limits, const std::function<void(Watch&)>& body) {
    const std::string note = "/tmp/moeperf_watchdog_" + std::to_string(::getpid());
    const pid_t child = test::start_child([&] {
      ::signal(SIGTERM, SIG_DFL);  // the test program has its own
      const HeartbeatTable table(Communicator::without_mpi(), limits.any());
      const auto record = [&](const std::string& reason) { std::ofstream(note, std::ios::app) << reason << '\n'; };
      const Watchdog watchdog(table, 1, limits, record);
      body(table[0].watch);
    });
    end = test::end_of(child);
    std::ifstream file(note);
    reasons.assign(std::istreambuf_iterator<char>(file), {});
    ::unlink(note.c_str());
  }
};
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Several ranks, of which one stops or is late: tests/stall_test.sh.
TEST_CASE("ranks that go on, in steps below the limit, are left alone for longer than the limit", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  bool recorded = false;
  const HeartbeatTable table(comm, true);
  Watch& watch = table[table.own()].watch;
  {
    const Watchdog watchdog(table, comm.size(), TimeLimits{2, 20}, [&](const std::string&) { recorded = true; });
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
    work(2.5);  // outside of the cases the limit is that of preparation
  }
  REQUIRE_FALSE(recorded);
  REQUIRE(table.end_s() == 0);
}

TEST_CASE("a step that takes longer than its limit ends the run, once, with its main thread stopped in it") {
  const ChildRun run(TimeLimits{0.2, 600}, [](Watch& watch) {
    watch.start_case("tiny");
    watch.enter(Step::prepare);
    work(0.5);
    watch.name_parts({"dispatch"});
    watch.enter(Step::run, 0, 4);
    work(0.8);
    watch.enter(Step::run, 0, 5);  // never: it is stopped
    ::_exit(9);
  });
  REQUIRE(run.end == "status 3");
  REQUIRE(
      has(run.reasons, "stalled for more than 0.2 s in case tiny: part dispatch, sample 5: did not finish: rank 0 "));
  REQUIRE(run.reasons.find('\n') == run.reasons.size() - 1);
}

TEST_CASE(
    "a rank that stays between two cases for longer than preparation may take ends the run; before the first, none") {
  const ChildRun run(TimeLimits{0.1, 0.4}, [](Watch& watch) {
    work(1);
    watch.start_case("tiny");
    watch.enter(Step::prepare);
    watch.leave();
    work(20);  // as if the report's file system hung
  });
  REQUIRE(run.end == "status 3");
  REQUIRE(run.reasons.empty());  // it may be in the middle of the report
}

TEST_CASE("what recording throws is printed, and the run ends all the same") {
  const pid_t child = test::start_child([] {
    const HeartbeatTable table(Communicator::without_mpi(), true);
    const Watchdog watchdog(table, 1, TimeLimits{0.1, 0.1},
                            [](const std::string&) { throw std::runtime_error("full"); });
    table[0].watch.enter(Step::prepare);
    work(20);
  });
  REQUIRE(test::end_of(child) == "status 3");
}

TEST_CASE("a run that was stopped as a whole goes on as if nothing had been") {
  const std::string note = "/tmp/moeperf_suspended_" + std::to_string(::getpid());
  const pid_t child = test::start_child([&] {
    const HeartbeatTable table(Communicator::without_mpi(), true);
    const Watchdog watchdog(table, 1, TimeLimits{1, 600},
                            [&](const std::string&) { std::ofstream(note) << "stalled"; });
    table[0].watch.start_case("tiny");
    table[0].watch.enter(Step::run);
    std::ofstream(note) << "running";
    work(0.6);  // stopped meanwhile, for five seconds
    table[0].watch.enter(Step::run);
    work(0.6);
    table[0].watch.leave();
  });
  const auto noted = [&] {
    std::string text;
    std::ifstream(note) >> text;
    return text;
  };
  for (int i = 0; i < 1000 && noted() != "running"; ++i) work(0.01);
  ::kill(child, SIGSTOP);
  work(5);
  ::kill(child, SIGCONT);
  REQUIRE(test::end_of(child).empty());
  REQUIRE(noted() == "running");
  ::unlink(note.c_str());
}

TEST_CASE("a signal ends rank 0 in the middle of a step, with the reason recorded and exit status 3") {
  for (const int signal : Watchdog::signals) {
    for (const TimeLimits& limits : {TimeLimits{0, 0}, TimeLimits{60, 600}}) {
      const ChildRun run(limits, [signal](Watch& watch) {
        watch.start_case("tiny");
        watch.enter(Step::prepare);
        ::kill(::getpid(), signal);
        work(20);  // as if in an exchange that hangs
      });
      REQUIRE(run.end == "status 3");
      REQUIRE(has(run.reasons, "ended by SIG"));
      REQUIRE(has(run.reasons, "in case tiny: preparation\n"));
    }
  }
}

TEST_CASE("a signal that comes between two cases waits for the next step, and one after the last is too late") {
  const ChildRun between({}, [](Watch& watch) {
    ::kill(::getpid(), SIGTERM);
    work(0.5);
    watch.start_case("next");
    watch.enter(Step::prepare);
    work(20);
  });
  REQUIRE(between.end == "status 3");
  REQUIRE(between.reasons == "ended by SIGTERM in case next: preparation\n");
  const ChildRun late({}, [](Watch&) {
    ::kill(::getpid(), SIGTERM);
    work(0.2);
  });
  REQUIRE(late.end.empty());
  REQUIRE(late.reasons.empty());
}

TEST_CASE("signals that are ignored, as under nohup, stay ignored, and the former handling comes back") {
  const pid_t child = test::start_child([] {
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGTERM, SIG_DFL);  // the test program has its own
    const HeartbeatTable table(Communicator::without_mpi(), false);
    {
      const Watchdog watchdog(table, 1, {}, [](const std::string&) {});
      table[0].watch.enter(Step::run);
      ::kill(::getpid(), SIGHUP);
      work(0.2);
    }
    ::kill(::getpid(), SIGTERM);
    work(20);
  });
  REQUIRE(test::end_of(child) == "signal 15");
}

}  // namespace
}  // namespace moeperf
