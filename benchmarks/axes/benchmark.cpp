#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

namespace moeperf {
namespace {

const AxisRegistration registration({.name = "benchmark"},
                                    {.order = 10, .given = [](const CaseSource& source) { return source.benchmark; }});

}  // namespace
}  // namespace moeperf
