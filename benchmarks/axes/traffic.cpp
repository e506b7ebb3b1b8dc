#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"
#include "kernels/traffic/pattern.hpp"

namespace moeperf {
namespace {

/// `all`: the patterns that need no file. Where none is wanted: the workload's own.
std::vector<AxisValue> values(const AxisContext& context) {
  std::vector<AxisValue> values;
  for (const std::string& wanted : context.config.run.wanted("traffic")) {
    if (wanted != "all") {
      values.push_back({traffic_registry().at(wanted).name, "", true});
      continue;
    }
    for (const auto& entry : traffic_registry().entries()) {
      if (!traffic_registry().why_not(entry, TrafficContext{})) values.push_back({entry.name});
    }
  }
  return values;
}

const AxisRegistration registration(
    {.name = "traffic", .heading = "{} traffic", .heading_place = 80},
    {.order = 90,
     .key = "traffic",
     .option = "--traffic",
     .help = "Traffic patterns, one after the other: names, or all that need no file [the workload's]",
     .is_everywhere = true,
     .nest = 10,
     .values = values,
     .id = "{}",
     .apply = [](SuiteConfig& config, const std::string& value) { config.workload.traffic.pattern = value; },
     .given = [](const CaseSource& source) { return source.config.workload.traffic.pattern; }});

}  // namespace
}  // namespace moeperf
