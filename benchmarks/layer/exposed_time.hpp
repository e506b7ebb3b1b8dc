#pragma once

#include <chrono>

namespace moeperf {

/// Adds the time from here to the end of the scope to a number of seconds: time in which a rank exchanges, or waits for
/// an exchange, instead of computing.
class ExposedTime {
 public:
  explicit ExposedTime(double& total_s) : total_s_(total_s), begin_(Clock::now()) {}
  ~ExposedTime() { total_s_ += std::chrono::duration<double>(Clock::now() - begin_).count(); }
  ExposedTime(const ExposedTime&) = delete;
  ExposedTime& operator=(const ExposedTime&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double& total_s_;
  Clock::time_point begin_;
};

}  // namespace moeperf
