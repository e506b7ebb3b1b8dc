#pragma once

#include "kernels/workload.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moeperf {

/// The sizes that a run varies, in the [run] table.
struct SweepSettings {
  std::string begin, end;  ///< as parse_sweep_size() takes them; begin empty: the phases' tokens
  double factor = 2.0;
};

/// A size on a sweep's axis: tokens per rank, or bytes.
struct SweepSize {
  std::int64_t amount = 0;
  bool bytes = false;
};

/// "512" is tokens; B, K, M, G (powers of 1000) and KiB, MiB, GiB (of 1024) make it bytes. Nothing for other texts,
/// and for sizes beyond 2^53 bytes or tokens, which no double counts.
std::optional<SweepSize> parse_sweep_size(std::string_view text);

/// First violated rule of a sweep, with the keys of the [run] table.
std::optional<Violation> first_violation(const SweepSettings& sweep);

}  // namespace moeperf
