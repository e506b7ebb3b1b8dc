// for each expert: [g u] = x·[W_gate W_up]ᵀ in f32; a = silu(g) ⊙ u, rounded to dtype; y = a·W_downᵀ

#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/packed_gemm.hpp"
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
  CpuExpertFfn(const ExpertShape& shape, std::int32_t num_slots, const Settings& settings)
      : shape_(shape),
        wide_(settings.widen_bf16 && shape.dtype == DType::bf16),
        num_threads_(settings.num_threads),
        kernels_(row_kernels(settings.isa)),
        first_(first_width(), shape.hidden, computed(), DType::f32, num_threads_),
        second_(shape.hidden, shape.intermediate, computed(), computed(), num_threads_),
        slots_(static_cast<std::size_t>(num_slots)),
        inner_(0, first_width(), DType::f32),
        activated_(0, shape.intermediate, computed()),
        wide_in_(0, shape.hidden, DType::f32),
        wide_out_(0, shape.hidden, DType::f32) {}

  void load(std::int32_t slot, const ExpertWeights& weights) override {
    Slot& to = slots_[static_cast<std::size_t>(slot)];
    to.first.reserve(first_.packed_bytes());
    to.second.reserve(second_.packed_bytes());
    if (shape_.activation == Activation::swiglu) {
      RowBuffer both(first_width(), shape_.hidden, shape_.dtype);
      copy(weights.gate, both.rows().slice(0, shape_.intermediate));
      copy(weights.up, both.rows().slice(shape_.intermediate, shape_.intermediate));
      first_.pack(both.rows(), to.first.data());
    } else {
      first_.pack(weights.up, to.first.data());
    }
    second_.pack(weights.down, to.second.data());
  }

  void forward(ConstRows in, std::span<const std::int64_t> offsets, std::span<const std::int32_t> slot_of_expert,
               Rows out) override {
    for (std::size_t e = 0; e < slot_of_expert.size(); ++e) {
      const Slot& slot = slots_[static_cast<std::size_t>(slot_of_expert[e])];
      const std::int64_t num_rows = offsets[e + 1] - offsets[e];
      // Blocks of nearly equal size: a short last one would run at a fraction of the speed.
      const std::int64_t num_blocks = (num_rows + max_block_rows - 1) / max_block_rows;
      for (std::int64_t b = 0; b < num_blocks; ++b) {
        const std::int64_t first = offsets[e] + num_rows * b / num_blocks;
        const std::int64_t count = offsets[e] + num_rows * (b + 1) / num_blocks - first;
        forward_block(in.slice(first, count), slot, out.slice(first, count));
      }
    }
  }

  std::int64_t executed_flop(std::span<const std::int64_t> offsets) const override {
    return offsets.empty() ? 0 : (offsets.back() - offsets.front()) * shape_.flop_per_row();
  }

 private:
  struct Slot {
    Buffer first, second;
  };

  DType computed() const { return wide_ ? DType::f32 : shape_.dtype; }
  std::int64_t first_width() const {
    return shape_.activation == Activation::swiglu ? 2 * shape_.intermediate : shape_.intermediate;
  }

  static void copy(ConstRows from, Rows to) {
    std::memcpy(to.data(), from.data(), static_cast<std::size_t>(from.bytes()));
  }

  void forward_block(ConstRows in, const Slot& slot, Rows out) {
    const std::int64_t num_rows = in.num_rows();
    inner_.resize(num_rows);
    activated_.resize(num_rows);
    const void* x = in.data();
    if (wide_) {
      wide_in_.resize(num_rows);
      wide_out_.resize(num_rows);
      for_each_row(num_rows, shape_.hidden, [&](std::int64_t row) {
        kernels_.widen(in.row<BFloat16>(row), shape_.hidden, wide_in_.rows().row<float>(row));
      });
      x = wide_in_.rows().data();
    }
    first_.run(num_rows, x, slot.first.data(), inner_.rows().data());
    const auto activate = shape_.activation == Activation::swiglu ? kernels_.swiglu : kernels_.relu;
    for_each_row(num_rows, 4 * shape_.intermediate, [&](std::int64_t row) {
      activate(inner_.rows().row<float>(row), shape_.intermediate, shape_.dtype, wide_,
               activated_.rows().row_data(row));
    });
    second_.run(num_rows, activated_.rows().data(), slot.second.data(), wide_ ? wide_out_.rows().data() : out.data());
    if (wide_) {
      for_each_row(num_rows, shape_.hidden, [&](std::int64_t row) {
        kernels_.narrow(wide_out_.rows().row<float>(row), shape_.hidden, out.row<BFloat16>(row));
      });
    }
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
  PackedGemm first_, second_;
  std::vector<Slot> slots_;
  RowBuffer inner_, activated_, wide_in_, wide_out_;
};

}  // namespace

std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_slots, const Settings& settings) {
  return std::make_unique<CpuExpertFfn>(shape, num_slots, settings);
}

}  // namespace moeperf::cpu
