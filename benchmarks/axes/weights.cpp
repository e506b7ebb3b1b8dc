#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

namespace moeperf {
namespace {

const AxisRegistration registration(
    {.name = "weights", .usual = "full", .key = "weights={}", .heading = "{} expert weights", .heading_place = 90},
    {.order = 120,
     .given = [](const CaseSource& source) { return std::string(name(source.config.run.expert_weights)); }});

}  // namespace
}  // namespace moeperf
