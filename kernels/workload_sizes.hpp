#pragma once

#include "kernels/workload.hpp"

#include <optional>

namespace moeperf {

/// Bytes that one product of a workload's sizes may come to on a rank: 2 TiB. More is a slip of the keyboard, and as
/// many bytes, in both directions and from a million ranks, can still be counted in an int64_t.
constexpr std::int64_t max_size_bytes = std::int64_t{1} << 41;

/// Of the first product of a workload's sizes that is too large, the largest factor: its key, what was given, and the
/// largest value that the other sizes leave. The workload breaks no other rule.
std::optional<Violation> first_oversize(const Workload& workload);

}  // namespace moeperf
