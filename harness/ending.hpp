#pragma once

#include "harness/watch.hpp"

#include <functional>
#include <mutex>
#include <string>

namespace moeperf {

/// Lines on stderr by themselves: a progress line of a terminal makes way. One write, so that lines of several ranks do
/// not mix. Any thread.
void say(const std::string& lines);

/// How a run is closed that cannot go on, by another thread than the main one, which waits in MPI or computes.
class Ending {
 public:
  /// Adds why the run ended to what is kept of it (on rank 0; elsewhere nothing). Called by the closing thread, the
  /// main thread being stopped for good in a step: it may use what the main thread uses outside of the cases. What it
  /// throws is printed.
  using Record = std::function<void(const std::string& reason)>;

  Ending(Watch& watch, Record record) : watch_(watch), record_(std::move(record)) {}

  /// Stops the main thread, says `message` (lines) on stderr and records `reason`. The caller then ends the process:
  /// of several threads only the first returns.
  void close(const std::string& message, const std::string& reason);

 private:
  bool stop_main_thread();

  Watch& watch_;
  const Record record_;
  std::mutex closing_;  ///< never given back
};

}  // namespace moeperf
