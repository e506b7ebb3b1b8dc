#include "harness/ending.hpp"

#include "harness/clock.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <thread>

namespace moeperf {
namespace {

// Between two cases the main thread has the report's file in its hands; it will soon be in a step again.
constexpr double patience_s = 3;

}  // namespace

void say(const std::string& lines) {
  const std::string text = (isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "") + lines;
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

bool Ending::stop_main_thread() {
  const double end_s = now_s() + patience_s;
  while (!watch_.seize()) {
    if (now_s() > end_s) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

void Ending::close(const std::string& message, const std::string& reason) {
  closing_.lock();
  const bool stopped = stop_main_thread();
  if (stopped) {
    std::cout.flush();  // rows that are whole, before the lines about what is not
    std::fflush(stdout);
  }
  say(message);
  if (!stopped) {
    say("moeperf: this rank is busy outside of the cases: the report does not get this reason\n");
    return;
  }
  try {
    if (record_) record_(reason);
  } catch (const std::exception& error) {
    say(fmt::format("moeperf: the report does not get this reason: {}\n", error.what()));
  }
  std::fflush(stdout);
}

}  // namespace moeperf
