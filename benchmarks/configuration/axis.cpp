#include "benchmarks/configuration/axis.hpp"

#include "benchmarks/configuration/config.hpp"
#include "kernels/base/error.hpp"

#include <algorithm>
#include <utility>

namespace moeperf {
namespace {

std::vector<Axis>& registered() {
  static std::vector<Axis> all;
  return all;
}

std::vector<AxisValue> as_given(const Axis& axis, const RunSettings& run) {
  std::vector<AxisValue> values;
  for (const std::string& text : run.wanted(axis.name())) values.push_back({text, "", text != axis.report.usual});
  return values;
}

}  // namespace

std::vector<AxisValue> Axis::values_in(const AxisContext& context) const {
  std::vector<AxisValue> once;
  for (AxisValue& value : values ? values(context) : as_given(*this, context.config.run)) {
    const bool is_known =
        std::any_of(once.begin(), once.end(), [&](const AxisValue& other) { return other.text == value.text; });
    if (!is_known) once.push_back(std::move(value));
  }
  return once;
}

AxisRegistration::AxisRegistration(ReportAxis report, Axis axis) {
  axis.report = std::move(report);
  std::vector<Axis>& all = registered();
  const auto same =
      std::find_if(all.begin(), all.end(), [&](const Axis& other) { return other.name() == axis.name(); });
  if (same != all.end()) throw Error("two axes are registered as '" + axis.name() + "'");
  // Of one order by name: the order of registrations is the linker's.
  const auto place = std::find_if(all.begin(), all.end(), [&](const Axis& other) {
    return std::pair(other.order, other.name()) > std::pair(axis.order, axis.name());
  });
  all.insert(place, std::move(axis));
}

const std::vector<Axis>& all_axes() { return registered(); }

const Axis& axis_named(const std::string& name) {
  for (const Axis& axis : registered()) {
    if (axis.name() == name) return axis;
  }
  throw Error("no axis '" + name + "'");
}

ReportAxes report_axes() {
  ReportAxes axes;
  for (const Axis& axis : registered()) axes.push_back(axis.report);
  return axes;
}

}  // namespace moeperf
