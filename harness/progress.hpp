#pragma once

#include <cstdint>
#include <string>

namespace moeperf {

/// Says on stderr which case runs and how long the rest will take: on a terminal in one line that changes, elsewhere (a
/// job's log) in a line at the first case that starts half a minute after the last such line. Silent on ranks other
/// than 0.
class Progress {
 public:
  Progress(bool enabled, std::int64_t num_cases);
  ~Progress();
  void start_case(const std::string& id);
  void finish_case();
  /// Wipes the line, so that a row of the report can be printed.
  void clear();

 private:
  bool enabled_;
  bool on_terminal_;
  std::int64_t num_cases_;
  std::int64_t done_ = 0;
  double start_s_;
  double said_s_;  ///< when the last line went to a log
};

/// Lines on stderr by themselves: the line of a terminal makes way. One write, so that lines of several ranks do not
/// mix. Any thread.
void say(const std::string& lines);

/// "case 24 of 52, about 7 min left"; without the time as long as no case is `done`.
std::string progress_text(std::int64_t done, std::int64_t num_cases, double elapsed_s);

/// "about 40 s", "about 7 min", "about 2.5 h".
std::string about(double seconds);

}  // namespace moeperf
