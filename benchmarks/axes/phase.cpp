#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

namespace moeperf {
namespace {

const AxisRegistration registration({.name = "phase", .heading = "{workload} {}", .heading_place = 10},
                                    {.order = 30, .given = [](const CaseSource& source) {
                                       return std::string(name(source.phase.kind));
                                     }});

}  // namespace
}  // namespace moeperf
