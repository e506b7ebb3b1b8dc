#include "benchmarks/exchange_work.hpp"

#include <algorithm>

namespace moeperf {

WorkModel exchange_work(const Problem& problem, const Routing& routing, const WireBytes& wire) {
  const ModelShape& model = problem.workload().model;
  const auto row = static_cast<double>(model.hidden * size_bytes(model.dtype));
  const auto kept =
      std::count_if(routing.topk_idx.begin(), routing.topk_idx.end(), [](std::int32_t e) { return e >= 0; });
  WorkModel work;
  work.logical_bytes = static_cast<double>(routing.topk_idx.size()) * row;
  work.useful_bytes = static_cast<double>(kept) * row;
  work.memory_bytes = static_cast<double>(routing.num_tokens) * row + work.useful_bytes;
  work.wire_bytes_intra = static_cast<double>(wire.intra);
  work.wire_bytes_inter = static_cast<double>(wire.inter);
  return work;
}

}  // namespace moeperf
