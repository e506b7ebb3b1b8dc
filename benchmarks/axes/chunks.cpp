#include "benchmarks/axes/chunks.hpp"

#include "benchmarks/configuration/axis.hpp"

#include <string>

namespace moeperf {
namespace {

const AxisRegistration registration(
    {.name = "chunks", .usual = "1", .key = "chunks={}", .heading = "in {} chunks", .heading_place = 70},
    {.order = 110,
     .key = "chunks",
     .option = "--chunks",
     .help = "Parts of the batch in which the layer's exchanges run under its experts; each number a case [1]",
     .unsaid = {"1"},
     .most = 1024,
     .nest = 60,
     .id = "chunks{}"});

}  // namespace

std::int64_t chunks_of(const CaseSpec& spec) {
  const std::string& text = spec.value("chunks");
  return text == "-" ? 1 : std::stoll(text);
}

}  // namespace moeperf
