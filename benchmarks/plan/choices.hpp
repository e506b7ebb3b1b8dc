#pragma once

#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moeperf {

/// One value on each axis that a benchmark varies over.
struct Choice {
  CaseSpec spec;
  std::string skip_reason = "";  ///< not empty: why it cannot run, by the outermost axis that has a reason
  bool names_skipped = false;    ///< that value was asked for by its name
  bool names_something = false;  ///< any of the values was
};

/// The values on the axes of cases for one configuration, each axis asked once for each combination of the values that
/// its own depend on. Collective.
class Choices {
 public:
  /// Asks all axes, whatever is to run: a name that is unknown is an error. Throws UserError.
  Choices(const SuiteConfig& config, Communicator& comm, Backends& backends);

  /// All combinations for a benchmark, the innermost axis varying fastest.
  std::vector<Choice> of(const BenchmarkKind& kind);

  /// The values on an axis where these are chosen on the others.
  const std::vector<AxisValue>& values(const Axis& axis, const CaseSpec& spec);

 private:
  std::vector<Choice> product(const std::vector<const Axis*>& axes);

  const SuiteConfig& config_;
  Communicator& comm_;
  Backends& backends_;
  std::map<std::pair<std::string, CaseSpec>, std::vector<AxisValue>> known_;
};

/// The axes of cases from the outermost loop to the innermost.
std::vector<const Axis*> nested_axes();

}  // namespace moeperf
