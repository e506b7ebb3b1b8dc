#pragma once

#include "harness/bell.hpp"

#include <array>
#include <csignal>

namespace moeperf {

/// Notes SIGTERM (scancel, a job's time limit, mpirun that goes), SIGINT and SIGHUP instead of ending by them, and
/// rings a bell, while such an object lives; one at a time. Signals that are ignored (nohup) stay ignored.
class Interruption {
 public:
  explicit Interruption(Bell& bell);  ///< which outlives it
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  static int signal();  ///< the last that came; 0: none
  static constexpr std::array signals{SIGTERM, SIGINT, SIGHUP};

 private:
  std::array<struct sigaction, signals.size()> before_{};
};

}  // namespace moeperf
