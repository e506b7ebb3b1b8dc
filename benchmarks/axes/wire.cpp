#include "benchmarks/axes/wire.hpp"

#include "benchmarks/configuration/axis.hpp"

#include <algorithm>

namespace moeperf {
namespace {

std::vector<AxisValue> values(const AxisContext& context) {
  std::vector<AxisValue> values;
  const RunSettings& run = context.config.run;
  for (const WireType type : wire_types_of(run, context.config.workload.model.dtype)) {
    const std::string text(name(type));
    values.push_back({text, "", run.names(wire_axis, text)});
  }
  return values;
}

const AxisRegistration registration(
    {.name = wire_axis, .usual_as = "dtype", .key = "wire={}", .heading = "{} on the wire", .heading_place = 60},
    {.order = 100,
     .key = "wire",
     .option = "--wire",
     .help = "What rows travel as: native (the model's own type), bf16, fp8, f32, or all [native]",
     .unsaid = {"native"},
     .choices = {"native", "bf16", "fp8", "f32", "all"},
     .nest = 30,
     .values = values,
     .id = "{}"});

}  // namespace

std::optional<WireType> wire_of(const CaseSpec& spec) { return parse_wire_type(spec.value(wire_axis)); }

std::vector<WireType> wire_types_of(const RunSettings& run, DType dtype) {
  std::vector<WireType> types;
  const auto append = [&](WireType type) {
    if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
  };
  for (const std::string& wire : run.wanted(wire_axis)) {
    if (wire == "all") {
      for (const WireType type : wire_types) append(type);
    } else {
      append(parse_wire_type(wire).value_or(native_wire_type(dtype)));
    }
  }
  return types;
}

}  // namespace moeperf
