// for each row: a = act(gate·x, up·x), rounded to dtype; y = down·a, rounded to dtype; sums in f32

#include "kernels/reference/kernels.hpp"

#include "kernels/base/buffer.hpp"

#include <cmath>
#include <vector>

namespace moeperf::reference {
namespace {

struct WeightSet {
  RowBuffer gate, up, down;
};

template <class Element>
float dot(const Element* a, const Element* b, std::int64_t n) {
  float sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<float>(a[i]) * static_cast<float>(b[i]);
  return sum;
}

class ReferenceExpertFfn final : public ExpertFfn {
 public:
  ReferenceExpertFfn(const ExpertShape& shape, std::int32_t num_sets)
      : shape_(shape), sets_(static_cast<std::size_t>(num_sets)) {}

  void load(std::int32_t set, const ExpertWeights& weights) override {
    sets_[static_cast<std::size_t>(set)] = {copy_of(weights.gate), copy_of(weights.up), copy_of(weights.down)};
  }

  using ExpertFfn::forward;
  void forward(ConstRows in, const RowGroups& groups, std::span<const std::int32_t> set_of_group, Rows out) override {
    visit_dtype(shape_.dtype, [&](auto zero) {
      using Element = decltype(zero);
      std::vector<Element> inner(static_cast<std::size_t>(shape_.intermediate));
      for (std::int64_t e = 0; e < groups.num_groups(); ++e) {
        const WeightSet& w = sets_[static_cast<std::size_t>(set_of_group[static_cast<std::size_t>(e)])];
        for (std::int64_t row = groups.first(e); row < groups.first(e) + groups.count(e); ++row) {
          const Element* x = in.row<Element>(row);
          for (std::int64_t i = 0; i < shape_.intermediate; ++i) {
            const float up = dot(std::as_const(w.up).rows().row<Element>(i), x, shape_.hidden);
            inner[static_cast<std::size_t>(i)] = Element(activate<Element>(w, i, x, up));
          }
          for (std::int64_t h = 0; h < shape_.hidden; ++h) {
            out.row<Element>(row)[h] = Element(dot(w.down.rows().row<Element>(h), inner.data(), shape_.intermediate));
          }
        }
      }
    });
  }

  std::int64_t executed_flop(const RowGroups& groups) const override {
    return groups.num_rows() * shape_.flop_per_row();
  }

 private:
  template <class Element>
  float activate(const WeightSet& w, std::int64_t i, const Element* x, float up) const {
    if (shape_.activation == Activation::relu) return std::max(0.0f, up);
    const float gate = dot(w.gate.rows().row<Element>(i), x, shape_.hidden);
    return gate / (1.0f + std::exp(-gate)) * up;
  }

  ExpertShape shape_;
  std::vector<WeightSet> sets_;
};

}  // namespace

std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets) {
  return std::make_unique<ReferenceExpertFfn>(shape, num_sets);
}

}  // namespace moeperf::reference
