#pragma once

#include "benchmarks/configuration/case_spec.hpp"
#include "kernels/workload.hpp"
#include "results/axes.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace moeperf {

class Backends;
class Communicator;
struct SuiteConfig;

/// One value on an axis.
struct AxisValue {
  std::string text;              ///< as reports have it
  std::string skip_reason = "";  ///< not empty: why it cannot run here
  bool is_named = false;         ///< asked for by its name, not by a word for several or by default
};

/// What the values of an axis may depend on.
struct AxisContext {
  const SuiteConfig& config;
  Communicator& comm;
  Backends* backends;      ///< null for an axis of configurations, which are made before any backend
  const CaseSpec& chosen;  ///< the values on the axes that it depends on
};

/// A case as far as its configuration says what it is.
struct CaseSource {
  const std::string& benchmark;
  const SuiteConfig& config;
  const Phase& phase;
};

/// One axis of the experiment, whole: how it is asked for, what values it has, where it applies, and how reports name
/// them. Everything else goes over all axes. Three kinds:
/// - of a case: `values`, or a key alone, and the benchmarks that it applies to. A benchmark reads its value from the
///   case's CaseSpec.
/// - of a configuration: `apply` besides. Each value makes a workload of its own, such as a traffic pattern.
/// - of what is given: `given` alone, read from the configuration, such as the model's element type.
struct Axis {
  ReportAxis report{};  ///< its name, and how reports show it: the registration's first argument
  int order = 1000;     ///< among the axes in keys and columns

  // How it is asked for.
  std::string key = "";                ///< in the table [run], a value or a list; empty: not there
  std::string option = "";             ///< on the command line, e.g. "--wire"; empty: none
  std::string help = "";               ///< of the option, with what is taken without it in brackets
  std::vector<std::string> unsaid{};   ///< what is wanted where nobody says
  std::vector<std::string> choices{};  ///< what may be asked for; empty: whatever `values` takes
  std::int64_t most = 0;               ///< above 0: values are whole numbers from 1 to this

  // Where it applies; benchmarks may also name it themselves (BenchmarkKind::axes).
  std::vector<std::string> benchmarks{};
  bool is_everywhere = false;

  // Its values.
  int nest = 1000;                        ///< place among the loops over axes, the innermost last
  std::vector<std::string> depends_on{};  ///< names of axes further out whose values its own depend on
  /// Each once, in the order to be run. Collective; throws UserError for unknown names. Without it: what is wanted, as
  /// it was given, and everything but the usual value is named.
  std::function<std::vector<AxisValue>(const AxisContext&)> values{};
  std::string id = "";  ///< its part in a case's id, with {} for the value, where that is not the usual one; or nothing
  std::function<void(SuiteConfig&, const std::string& value)> apply{};

  /// The value of a case, where that does not follow from `values`.
  std::function<std::string(const CaseSource&)> given{};

  const std::string& name() const { return report.name; }
  bool is_number() const { return most > 0; }
  bool varies_cases() const { return !key.empty() && !apply; }
  bool varies_configurations() const { return static_cast<bool>(apply); }
  /// The values for a context, each once.
  std::vector<AxisValue> values_in(const AxisContext& context) const;
};

/// A static one of these in an axis' file makes it known.
struct AxisRegistration {
  AxisRegistration(ReportAxis report, Axis axis);
};

/// All axes, by `order`.
const std::vector<Axis>& all_axes();
/// The axis of that name, which must be there.
const Axis& axis_named(const std::string& name);
/// As a report describes them.
ReportAxes report_axes();

}  // namespace moeperf
