#include "benchmarks/axes/scheme.hpp"

#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"
#include "kernels/balancing/scheme.hpp"

namespace moeperf {
namespace {

std::vector<AxisValue> values(const AxisContext& context) {
  std::vector<AxisValue> values;
  const RunSettings& run = context.config.run;
  for (const std::string& name : scheme_registry().resolve(run.wanted(scheme_axis), SchemeContext{})) {
    values.push_back({name, "", run.names(scheme_axis, name)});
  }
  return values;
}

const AxisRegistration registration({.name = scheme_axis}, {.order = 40,
                                                            .key = "schemes",
                                                            .option = "--scheme",
                                                            .help = "Balancing schemes: names, or all [all]",
                                                            .unsaid = {"all"},
                                                            .nest = 50,
                                                            .values = values,
                                                            .id = "{}"});

}  // namespace
}  // namespace moeperf
