// plan: count the copies of each key, sum up to offsets, hand out rows in order of the copies
// gather: out[i,:] = in[source[i],:]
// weighted_sum: out[t,:] = Σ_k weights[t,k] · in[row[t,k],:]

#include "kernels/reference/kernels.hpp"

#include <cmath>
#include <cstring>

namespace moeperf::reference {
namespace {

class ReferencePermuter final : public Permuter {
 public:
  void plan(View<const std::int32_t> choices, std::int64_t num_tokens, std::int32_t top_k, std::int32_t num_keys,
            PermutePlan& plan) override {
    const std::span topk_idx = choices.host();
    plan.num_tokens = num_tokens;
    plan.top_k = top_k;
    plan.offsets.assign(static_cast<std::size_t>(num_keys) + 1, 0);
    for (const std::int32_t key : topk_idx) {
      if (key >= 0) ++plan.offsets[static_cast<std::size_t>(key) + 1];
    }
    for (std::size_t key = 1; key < plan.offsets.size(); ++key) plan.offsets[key] += plan.offsets[key - 1];
    plan.row_of_copy.resize(topk_idx.size());
    plan.token_of_row.resize(static_cast<std::size_t>(plan.num_rows()));
    std::vector<std::int64_t> next(plan.offsets.begin(), plan.offsets.end());
    for (std::size_t copy = 0; copy < topk_idx.size(); ++copy) {
      const std::int32_t key = topk_idx[copy];
      const std::int64_t row = key < 0 ? -1 : next[static_cast<std::size_t>(key)]++;
      plan.row_of_copy[copy] = row;
      if (row >= 0) plan.token_of_row[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(copy) / top_k;
    }
  }

  void gather(ConstRows in, View<const std::int64_t> source_rows, Rows out) override {
    const std::span source = source_rows.host();
    for (std::size_t i = 0; i < source.size(); ++i) {
      std::memcpy(out.row_data(static_cast<std::int64_t>(i)), in.row_data(source[i]),
                  static_cast<std::size_t>(in.row_bytes()));
    }
  }

  void weighted_sum(ConstRows in, View<const std::int64_t> rows, View<const float> factors, std::int32_t top_k,
                    Rows out) override {
    const std::span row_of_copy = rows.host();
    const std::span weights = factors.host();
    visit_dtype(out.dtype(), [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t t = 0; t < out.num_rows(); ++t) {
        for (std::int64_t h = 0; h < out.num_cols(); ++h) {
          float sum = 0;
          for (std::int64_t copy = t * top_k; copy < (t + 1) * top_k; ++copy) {
            const std::int64_t row = row_of_copy[static_cast<std::size_t>(copy)];
            if (row < 0) continue;
            sum = std::fma(weights[static_cast<std::size_t>(copy)], static_cast<float>(in.row<Element>(row)[h]), sum);
          }
          out.row<Element>(t)[h] = Element(sum);
        }
      }
    });
  }
};

}  // namespace

std::unique_ptr<Permuter> make_permuter() { return std::make_unique<ReferencePermuter>(); }

}  // namespace moeperf::reference
