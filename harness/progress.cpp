#include "harness/progress.hpp"

#include "harness/clock.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

namespace moeperf {
namespace {

constexpr double log_interval_s = 30;

}  // namespace

std::string about(double seconds) {
  if (seconds < 90) return fmt::format("about {:.0f} s", std::ceil(seconds));
  if (seconds < 90 * 60) return fmt::format("about {:.0f} min", seconds / 60);
  return fmt::format("about {:.1f} h", seconds / 3600);
}

std::string progress_text(std::int64_t done, std::int64_t num_cases, double elapsed_s) {
  const std::string place = fmt::format("case {} of {}", done + 1, num_cases);
  if (done == 0) return place;
  const double left_s = elapsed_s / static_cast<double>(done) * static_cast<double>(num_cases - done);
  return fmt::format("{}, {} left", place, about(left_s));
}

Progress::Progress(bool enabled, std::int64_t num_cases)
    : enabled_(enabled),
      on_terminal_(isatty(STDERR_FILENO) != 0),
      num_cases_(num_cases),
      start_s_(now_s()),
      said_s_(start_s_) {}

Progress::~Progress() { clear(); }

void Progress::start_case(const std::string& id) {
  if (!enabled_) return;
  const double time_s = now_s();
  if (!on_terminal_ && time_s - said_s_ < log_interval_s) return;
  said_s_ = time_s;
  const std::string text = progress_text(done_, num_cases_, time_s - start_s_);
  fmt::print(stderr, fmt::runtime(on_terminal_ ? "\r\033[K[{}] {}" : "moeperf: {}: {}\n"), text, id);
  std::fflush(stderr);
}

void Progress::finish_case() { ++done_; }

void Progress::clear() {
  if (!enabled_ || !on_terminal_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

void say(const std::string& lines) {
  std::fputs(((isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "") + lines).c_str(), stderr);
}

}  // namespace moeperf
