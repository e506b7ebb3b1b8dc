#pragma once

#include "results/compare.hpp"

#include <CLI/CLI.hpp>

#include <ostream>
#include <string>

namespace moeperf {

/// How a comparison is said, and what makes it a failure.
struct ComparisonOutput {
  bool json = false;
  std::string fail_on;  ///< "slower" or "cannot-tell" (that, or slower); empty: no verdict does

  /// `--json` and `--fail-on`.
  void add_options(CLI::App& command);
  /// Prints it and returns its exit status: 1 where the two have no measured part in common, or one of the verdicts is
  /// among those to fail on.
  int say(std::ostream& out, const Comparison& comparison) const;
};

}  // namespace moeperf
