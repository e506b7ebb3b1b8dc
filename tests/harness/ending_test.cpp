#include "harness/ending.hpp"

#include "harness/interruption.hpp"
#include "tests/catch.hpp"
#include "tests/results/child.hpp"

#include <signal.h>

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <thread>

namespace moeperf {
namespace {

TEST_CASE("a run is closed once, with its main thread stopped in the step it was in") {
  auto watch = std::make_shared<Watch>();
  auto reasons = std::make_shared<std::vector<std::string>>();
  auto ending = std::make_shared<Ending>(*watch, [reasons](const std::string& reason) { reasons->push_back(reason); });
  std::promise<void> entered;
  std::thread([&entered, watch] {
    watch->start_case("tiny");
    watch->enter(Step::run);
    entered.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    watch->leave();  // never: it is stopped
  }).detach();
  entered.get_future().wait();
  ending->close("moeperf: a test of the end\n", "first");
  std::thread([ending, watch] { ending->close("moeperf: too late\n", "second"); }).detach();  // waits for ever
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE(*reasons == std::vector<std::string>{"first"});
  REQUIRE(watch->view().inside);
}

TEST_CASE("a signal ends rank 0 in the middle of a step, with the reason recorded and exit status 3") {
  for (const int signal : Interruption::signals) {
    const std::string note = "/tmp/moeperf_ending_" + std::to_string(::getpid());
    const pid_t child = test::start_child([&] {
      Watch watch;
      Ending ending(watch, [&](const std::string& reason) { std::ofstream(note) << reason; });
      const Interruption interruption(watch, ending, true);
      watch.start_case("tiny");
      watch.enter(Step::prepare);
      ::kill(::getpid(), signal);
      std::this_thread::sleep_for(std::chrono::seconds(20));  // as if in an exchange that hangs
    });
    REQUIRE(test::end_of(child) == "status 3");
    std::string reason;
    std::getline(std::ifstream(note) >> std::ws, reason);
    ::unlink(note.c_str());
    REQUIRE(reason.find("ended by SIG") == 0);
    REQUIRE(reason.find("in case tiny: preparation") != std::string::npos);
  }
}

TEST_CASE("a signal that comes between two cases waits for the next step, and one after the last is too late") {
  const pid_t late = test::start_child([] {
    Watch watch;
    Ending ending(watch, [](const std::string&) {});
    const Interruption interruption(watch, ending, true);
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  });
  REQUIRE(test::end_of(late).empty());
}

TEST_CASE("signals that are ignored, as under nohup, stay ignored, and the former handling comes back") {
  const pid_t child = test::start_child([] {
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGTERM, SIG_DFL);  // the test program has its own
    Watch watch;
    Ending ending(watch, [](const std::string&) {});
    {
      const Interruption interruption(watch, ending, true);
      watch.enter(Step::run);
      ::kill(::getpid(), SIGHUP);
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::seconds(20));
  });
  REQUIRE(test::end_of(child) == "signal 15");
}

}  // namespace
}  // namespace moeperf
