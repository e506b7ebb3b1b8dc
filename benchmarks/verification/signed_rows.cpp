#include "benchmarks/verification/signed_rows.hpp"

#include <algorithm>

namespace moeperf {

void sign_row(Rows rows, std::int64_t row, std::int32_t expert) {
  visit_dtype(rows.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    Element* to = rows.row<Element>(row);
    const std::int64_t wide = std::min<std::int64_t>(2, rows.num_cols());
    const float parts[]{static_cast<float>(expert % 128 + 1), static_cast<float>(expert / 128 + 1)};
    for (std::int64_t i = 0; i < wide; ++i) to[i] = Element(parts[i]);
  });
}

}  // namespace moeperf
