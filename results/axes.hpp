#pragma once

#include <map>
#include <string>
#include <vector>

namespace moeperf {

/// What a report says of one axis of its experiment, once for all cases. Texts with {} in them are filled with a case's
/// value.
struct ReportAxis {
  std::string name;         ///< heads columns and names the value in a case, e.g. "wire"
  std::string unit = "";    ///< under the column's name
  std::string usual = "-";  ///< the value of a case that says nothing of the axis; keys and headings leave it out
  /// The name of another axis whose value is the usual one here, as the model's own type is on the wire; or nothing.
  std::string usual_as = "";
  std::string key = "{}";  ///< its part in a case's key, e.g. "wire={}"
  /// Its part in the line above a case's rows, e.g. "{} on the wire"; {NAME} is the value on another axis. Empty: none.
  std::string heading = "";
  int heading_place = 100;  ///< among the parts of that line: 10 is the workload, 90 the weights

  bool operator==(const ReportAxis&) const = default;
};

/// Those of a report, in the order of keys and columns.
using ReportAxes = std::vector<ReportAxis>;

/// A case's value on each axis, by the axis' name; "-" where an axis does not apply.
using Coordinates = std::map<std::string, std::string>;

/// The value on an axis; of coordinates that lack it, such as those of an older report, the usual one.
const std::string& value_of(const ReportAxis& axis, const Coordinates& coordinates);

/// Whether that goes without saying: the axis does not apply, or has the usual value.
bool is_usual(const ReportAxis& axis, const Coordinates& coordinates);

/// `pattern` with `value` in the place of {}.
std::string filled(const std::string& pattern, const std::string& value);

/// The axes of two reports together, for comparing their cases: those of `second`, and behind them those that only
/// `first` has.
ReportAxes joined(const ReportAxes& first, const ReportAxes& second);

}  // namespace moeperf
