#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moeperf {
namespace {

const AxisRegistration registration(
    {.name = "tokens", .unit = "per rank", .key = "tokens={}", .heading = "{} tokens per rank", .heading_place = 20},
    {.order = 80, .given = [](const CaseSource& source) {
       return fmt::format("{}", fmt::join(source.phase.tokens_per_rank, ","));
     }});

}  // namespace
}  // namespace moeperf
