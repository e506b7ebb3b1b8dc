#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

namespace moeperf {
namespace {

const AxisRegistration registration({.name = "dtype", .heading = "{}", .heading_place = 30},
                                    {.order = 70, .given = [](const CaseSource& source) {
                                       return std::string(name(source.config.workload.model.dtype));
                                     }});

}  // namespace
}  // namespace moeperf
