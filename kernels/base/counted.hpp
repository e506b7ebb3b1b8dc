#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moeperf {

/// "1 node", "2 nodes": a number with its noun, given in the singular.
inline std::string counted(std::int64_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace moeperf
