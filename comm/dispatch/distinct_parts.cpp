#include "comm/dispatch/distinct_parts.hpp"

#include <algorithm>

namespace moeperf {

void distinct_parts(const Routing& routing, std::span<const int> part_of_expert, std::int32_t width,
                    std::vector<std::int32_t>& table) {
  table.assign(static_cast<std::size_t>(routing.num_tokens * width), -1);
  const std::int32_t* expert = routing.topk_idx.data();
  for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
    std::int32_t* const first = table.data() + t * width;
    std::int32_t* last = first;
    for (std::int32_t k = 0; k < routing.top_k; ++k, ++expert) {
      if (*expert < 0) continue;
      const std::int32_t part = part_of_expert[static_cast<std::size_t>(*expert)];
      std::int32_t* const place = std::lower_bound(first, last, part);
      if (place != last && *place == part) continue;
      std::copy_backward(place, last, last + 1);
      *place = part;
      ++last;
    }
  }
}

}  // namespace moeperf
