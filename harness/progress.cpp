#include "harness/progress.hpp"

#include "harness/clock.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <cstdio>

namespace moeperf {

Progress::Progress(bool enabled, std::int64_t num_cases)
    : enabled_(enabled && isatty(STDERR_FILENO) != 0), num_cases_(num_cases), start_s_(now_s()) {}

Progress::~Progress() { clear(); }

void Progress::start_case(const std::string& id) {
  if (!enabled_) return;
  std::string eta = "…";
  if (done_ > 0) {
    const double left = (now_s() - start_s_) / static_cast<double>(done_) * static_cast<double>(num_cases_ - done_);
    eta = fmt::format("{:.0f} s left", left);
  }
  fmt::print(stderr, "\r\033[K[{}/{}, {}] {}", done_ + 1, num_cases_, eta, id);
  std::fflush(stderr);
}

void Progress::finish_case() { ++done_; }

void Progress::clear() {
  if (!enabled_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

}  // namespace moeperf
