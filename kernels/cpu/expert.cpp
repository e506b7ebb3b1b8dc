// for each expert: [g u] = x·[W_gate W_up]ᵀ in f32; a = silu(g) ⊙ u, rounded to dtype; y = a·W_downᵀ

#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/panel_gemm.hpp"
#include "kernels/cpu/row_kernels.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace moeperf::cpu {
namespace {

/// Rows that go through both products together: enough for the products to run at full speed (128 do, measured on
/// AVX-512), few enough to bound the scratch memory and the number of distinct products.
constexpr std::int64_t max_block_rows = 512;

class CpuExpertFfn final : public ExpertFfn {
 public:
  CpuExpertFfn(const ExpertShape& shape, std::int32_t num_sets, const Settings& settings)
      : shape_(shape),
        wide_(settings.widen_bf16 && shape.dtype == DType::bf16),
        num_threads_(settings.num_threads),
        kernels_(row_kernels(settings.isa)),
        first_(shape.activation == Activation::swiglu ? 2 : 1, shape.intermediate, shape.hidden, computed(), DType::f32,
               num_threads_),
        second_(1, shape.hidden, shape.intermediate, computed(), computed(), num_threads_),
        sets_(static_cast<std::size_t>(num_sets)),
        wide_in_(0, shape.hidden, DType::f32),
        activated_(0, shape.intermediate, computed()) {}

  void load(std::int32_t set, const ExpertWeights& weights) override {
    WeightSet& to = sets_[static_cast<std::size_t>(set)];
    to.first.reserve(first_.packed_bytes());
    to.second.reserve(second_.packed_bytes());
    const std::int64_t width = first_.width();
    RowBuffer both(2 * width, shape_.hidden, shape_.dtype);
    for (std::int64_t p = 0; p < first_.num_panels(); ++p) {
      const ConstRows up = weights.up.slice(p * width, width);
      if (shape_.activation == Activation::swiglu) {
        copy_rows(weights.gate.slice(p * width, width), both.rows().slice(0, width));
        copy_rows(up, both.rows().slice(width, width));
        first_.pack(p, both.rows(), to.first.data());
      } else {
        first_.pack(p, up, to.first.data());
      }
    }
    for (std::int64_t p = 0; p < second_.num_panels(); ++p) {
      second_.pack(p, weights.down.slice(p * second_.width(), second_.width()), to.second.data());
    }
  }

  using ExpertFfn::forward;
  void forward(ConstRows in, const RowGroups& groups, std::span<const std::int32_t> set_of_group, Rows out) override {
    for (std::int64_t e = 0; e < groups.num_groups(); ++e) {
      const WeightSet& set = sets_[static_cast<std::size_t>(set_of_group[static_cast<std::size_t>(e)])];
      const std::int64_t begin = groups.first(e), num_rows = groups.count(e);
      // Blocks of nearly equal size: a short last one would run at a fraction of the speed.
      const std::int64_t num_blocks = (num_rows + max_block_rows - 1) / max_block_rows;
      for (std::int64_t b = 0; b < num_blocks; ++b) {
        const std::int64_t first = begin + num_rows * b / num_blocks;
        const std::int64_t count = begin + num_rows * (b + 1) / num_blocks - first;
        forward_block(in.slice(first, count), set, out.slice(first, count));
      }
    }
  }

  std::int64_t executed_flop(const RowGroups& groups) const override {
    return groups.num_rows() * shape_.flop_per_row();
  }

 private:
  struct WeightSet {
    Buffer first, second;
  };

  DType computed() const { return wide_ ? DType::f32 : shape_.dtype; }

  void forward_block(ConstRows in, const WeightSet& set, Rows out) {
    const std::int64_t num_rows = in.num_rows();
    const void* x = in.data();
    if (wide_) {
      wide_in_.resize(num_rows);
      for_each_row(num_rows, shape_.hidden, [&](std::int64_t row) {
        kernels_.widen(in.row<BFloat16>(row), shape_.hidden, wide_in_.rows().row<float>(row));
      });
      x = wide_in_.rows().data();
    }
    activated_.resize(num_rows);
    const auto activate = shape_.activation == Activation::swiglu ? kernels_.swiglu : kernels_.relu;
    for (std::int64_t p = 0; p < first_.num_panels(); ++p) {
      const Rows inner = first_.run(p, num_rows, x, set.first.data());
      for_each_row(num_rows, 4 * first_.width(), [&](std::int64_t row) {
        activate(inner.row<float>(row), first_.width(), shape_.dtype, wide_,
                 columns(activated_.rows(), row, p, first_));
      });
    }
    for (std::int64_t p = 0; p < second_.num_panels(); ++p) {
      const Rows part = second_.run(p, num_rows, activated_.rows().data(), set.second.data());
      for_each_row(num_rows, second_.width(), [&](std::int64_t row) {
        std::byte* to = columns(out, row, p, second_);
        if (wide_) {
          kernels_.narrow(part.row<float>(row), second_.width(), reinterpret_cast<BFloat16*>(to));
        } else {
          std::memcpy(to, part.row_data(row), static_cast<std::size_t>(part.row_bytes()));
        }
      });
    }
  }

  /// Where a row's columns of a panel begin.
  static std::byte* columns(Rows rows, std::int64_t row, std::int64_t panel, const PanelGemm& gemm) {
    return rows.row_data(row) + panel * gemm.width() * size_bytes(rows.dtype());
  }

  /// Few elements are not worth a team.
  template <class Body>
  void for_each_row(std::int64_t num_rows, std::int64_t elements_per_row, Body body) {
#pragma omp parallel for num_threads(num_rows* elements_per_row < 32768 ? 1 : num_threads_) schedule(static)
    for (std::int64_t row = 0; row < num_rows; ++row) body(row);
  }

  ExpertShape shape_;
  bool wide_;  // bf16 outside, f32 inside
  int num_threads_;
  const RowKernels& kernels_;
  PanelGemm first_, second_;
  std::vector<WeightSet> sets_;
  RowBuffer wide_in_, activated_;
};

}  // namespace

std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets, const Settings& settings) {
  return std::make_unique<CpuExpertFfn>(shape, num_sets, settings);
}

}  // namespace moeperf::cpu
