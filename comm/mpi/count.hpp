#pragma once

#include "kernels/base/error.hpp"

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace moeperf {

/// `count` as the int that MPI's calls take. Throws Error where it does not fit; `what` names the things counted,
/// for example "rows".
template <std::integral Count>
int mpi_count(Count count, std::string_view what) {
  if (count < 0 || !std::in_range<int>(count)) {
    throw Error(std::to_string(count) + " " + std::string(what) + " in one MPI call do not fit MPI's int counts");
  }
  return static_cast<int>(count);
}

}  // namespace moeperf
