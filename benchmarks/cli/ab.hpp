#pragma once

#include <cstdint>
#include <string>

namespace moeperf {

/// Two commands, each of which runs moeperf, launched in turns on one system.
struct AbOptions {
  std::int64_t pairs = 10;
  std::uint64_t seed = 1;     ///< of the order within pairs
  std::string launcher;       ///< before each command; may be empty
  std::string base, fresh;    ///< program and arguments, as a shell reads them
  std::string output = "ab";  ///< OUTPUT-base.h5, OUTPUT-new.h5, OUTPUT.log
};

/// Launches each command `pairs` times, the two of a pair in an order drawn at random, and gathers the launches of each
/// in its report. Progress goes to stderr, what the commands print to OUTPUT.log. Throws UserError where a report is there
/// already, and Error where a launch fails or its report is not VALID, with what is to be read; the launches until then
/// are kept.
void launch_in_turns(const AbOptions& options);

}  // namespace moeperf
