#include "benchmarks/axes/kernel.hpp"

#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"
#include "kernels/backends.hpp"

namespace moeperf {
namespace {

std::vector<AxisValue> values(const AxisContext& context) {
  std::vector<AxisValue> values;
  const RunSettings& run = context.config.run;
  const KernelContext& here = context.backends->context();
  for (const std::string& name : kernel_registry().resolve(run.wanted(kernel_axis), here)) {
    const auto reason = kernel_registry().why_not(kernel_registry().at(name), here);
    values.push_back({name, reason.value_or(""), run.names(kernel_axis, name)});
  }
  return values;
}

// Outside the benchmarks: all of them with one backend before the next.
const AxisRegistration registration({.name = kernel_axis, .heading = "kernel {}", .heading_place = 40},
                                    {.order = 60,
                                     .key = "kernels",
                                     .option = "--kernel",
                                     .help = "Names, or all, or auto: the best that can run here [auto]",
                                     .unsaid = {"auto"},
                                     .is_everywhere = true,
                                     .nest = 10,
                                     .values = values,
                                     .id = "{}"});

}  // namespace
}  // namespace moeperf
