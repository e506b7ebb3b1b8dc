#pragma once

#include "kernels/base/array.hpp"

#include <cstdint>

namespace moeperf {

/// What a combine multiplies each expert output by before it adds them up.
///
///   of_routing  the weights of the routing that was planned, which algorithms that sum where the experts are have
///               there already.
///   none        nothing: each expert output counts once. The adjoint of dispatch.
///   given       others [T,K], in the memory of the kernels. Algorithms that sum where the experts are must send them
///               there first: 4 bytes for each copy.
///
/// A copy that was dropped counts for nothing in any case.
struct CombineWeights {
  enum class Kind : std::uint8_t { of_routing, none, given };

  Kind kind = Kind::of_routing;
  View<const float> values;  ///< [T,K], of Kind::given; unchanged until the combine is finished

  static CombineWeights none() { return {Kind::none, {}}; }
  static CombineWeights given(View<const float> values) { return {Kind::given, values}; }
};

}  // namespace moeperf
