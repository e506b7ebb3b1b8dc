#include "comm/dispatch/local_copies.hpp"

namespace moeperf {

void LocalCopies::reset(std::int64_t num_rows) {
  grouping_.num_tokens = num_rows;
  const auto size = static_cast<std::size_t>(num_rows * width_);
  experts_.assign(size, -1);
  weights_.resize(size);
}

void LocalCopies::group() { permuter_.plan(experts_, grouping_.num_tokens, width_, num_local_experts_, grouping_); }

void LocalCopies::reduce(ConstRows answers, std::int64_t first, std::int64_t count, Rows partials) {
  if (count == 0) return;
  const auto begin = static_cast<std::size_t>(first * width_), size = static_cast<std::size_t>(count * width_);
  permuter_.weighted_sum(answers, std::span(grouping_.slot_of_copy).subspan(begin, size),
                         std::span(weights_).subspan(begin, size), width_, partials);
}

}  // namespace moeperf
