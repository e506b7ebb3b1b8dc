#pragma once

#include <cstdint>
#include <string>

namespace moeperf {

/// One line on stderr that says which case runs and how long the rest will take; silent where stderr
/// is no terminal or on ranks other than 0.
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
  std::int64_t num_cases_;
  std::int64_t done_ = 0;
  double start_s_;
};

}  // namespace moeperf
