#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

namespace moeperf {
namespace {

const AxisRegistration registration({.name = "workload"}, {.order = 20, .given = [](const CaseSource& source) {
                                                             return source.config.workload.name;
                                                           }});

}  // namespace
}  // namespace moeperf
