#pragma once

#include "kernels/base/view.hpp"

#include <cstdint>

namespace moeperf {

/// What stands in for an expert when an exchange is verified: the row itself with its first two elements
/// replaced by the expert's number (as quotient and remainder by 128, exact in bf16), so that a row which
/// reached the wrong expert shows. out may be in.
void sign_row(Rows rows, std::int64_t row, std::int32_t expert);

}  // namespace moeperf
