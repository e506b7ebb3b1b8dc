#include "comm/dispatch/local_copies.hpp"

namespace moeperf {

void LocalCopies::reset(std::int64_t num_rows) {
  grouping_.num_tokens = num_rows;
  const auto size = static_cast<std::size_t>(num_rows * width_);
  experts_.assign(size, -1);
  weights_.resize(size);
}

void LocalCopies::group() { permuter_.plan(experts_, grouping_.num_tokens, width_, num_local_experts_, grouping_); }

void LocalCopies::reduce(ConstRows expert_out, std::span<const float> table, std::int64_t first, std::int64_t count,
                         Rows partials) {
  if (count == 0) return;
  const View<const std::int64_t> rows = grouping_.row_of_copy;
  permuter_.weighted_sum(expert_out, rows.part(first * width_, count * width_),
                         View<const float>(table).part(first * width_, count * width_), width_, partials);
}

}  // namespace moeperf
