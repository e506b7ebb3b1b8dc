// pack W once per version; for each block of tokens: logits, then the choice of each token

#include "kernels/cpu/gate_kernels.hpp"
#include "kernels/cpu/kernels.hpp"

#include <omp.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>

namespace moeperf::cpu {
namespace {

class CpuGate final : public Gate {
 public:
  CpuGate(const GateConfig& config, std::int64_t hidden, const Settings& settings)
      : config_(config),
        hidden_(hidden),
        num_threads_(settings.num_threads),
        kernels_(gate_kernels(settings.isa)),
        num_blocks_((config.num_experts + 15) / 16),
        packed_(num_blocks_ * 16 * hidden * size_bytes(DType::f32)),
        scratch_(num_threads_, gate_scratch_floats(), DType::f32),
        select_scratch_(num_threads_, (select_scratch_floats(config) + 15) / 16 * 16, DType::f32) {}

  void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) override {
    const std::int64_t num_tokens = x.num_rows();
    routing.resize(num_tokens, config_.top_k);
    if (num_tokens == 0) return;
    pack(state);
    const float* bias = state.bias.empty() ? nullptr : state.bias.data();
    // Blocks of equal size, a multiple of the tile's six tokens, at least one for each thread where T allows.
    const std::int64_t share = (num_tokens + num_threads_ - 1) / num_threads_;
    const std::int64_t block = std::min(gate_block_tokens, (share + 5) / 6 * 6);
    const std::int64_t num_token_blocks = (num_tokens + block - 1) / block;
    if (num_token_blocks >= num_threads_) {
      forward_by_tokens(x, block, num_token_blocks, bias, logits, routing);
    } else {
      forward_by_experts(x, block, num_token_blocks, bias, logits, routing);
    }
  }

  void select(ConstRows logits, std::span<const float> bias, Routing& routing) override {
    routing.resize(logits.num_rows(), config_.top_k);
    const float* b = bias.empty() ? nullptr : bias.data();
#pragma omp parallel for num_threads(num_threads_) schedule(static)
    for (std::int64_t t = 0; t < logits.num_rows(); ++t) choose(logits.row<float>(t), b, t, nullptr, routing);
  }

 private:
  /// Each thread takes tokens from logits to choice while they are in its cache.
  void forward_by_tokens(ConstRows x, std::int64_t block, std::int64_t num_token_blocks, const float* bias,
                         Rows* logits, Routing& routing) {
    z_.reserve(num_threads_ * block * z_stride() * size_bytes(DType::f32));
#pragma omp parallel for num_threads(num_threads_) schedule(dynamic)
    for (std::int64_t b = 0; b < num_token_blocks; ++b) {
      const std::int64_t first = b * block;
      const std::int64_t count = std::min(block, x.num_rows() - first);
      float* z = z_row(omp_get_thread_num() * block);
      compute_logits(x, first, count, 0, num_blocks_, z);
      for (std::int64_t t = 0; t < count; ++t) choose(z + t * z_stride(), bias, first + t, logits, routing);
    }
  }

  /// Few tokens: the threads share the experts' blocks, then the tokens.
  void forward_by_experts(ConstRows x, std::int64_t block, std::int64_t num_token_blocks, const float* bias,
                          Rows* logits, Routing& routing) {
    z_.reserve(x.num_rows() * z_stride() * size_bytes(DType::f32));
    const std::int64_t parts = std::min<std::int64_t>(num_blocks_, num_threads_);
#pragma omp parallel num_threads(num_threads_)
    {
#pragma omp for collapse(2) schedule(static)
      for (std::int64_t b = 0; b < num_token_blocks; ++b) {
        for (std::int64_t part = 0; part < parts; ++part) {
          const std::int64_t count = std::min(block, x.num_rows() - b * block);
          compute_logits(x, b * block, count, num_blocks_ * part / parts, num_blocks_ * (part + 1) / parts,
                         z_row(b * block));
        }
      }
#pragma omp for schedule(static)
      for (std::int64_t t = 0; t < x.num_rows(); ++t) choose(z_row(t), bias, t, logits, routing);
    }
  }

  void compute_logits(ConstRows x, std::int64_t first, std::int64_t count, std::int64_t first_block,
                      std::int64_t last_block, float* z) {
    kernels_.logits(x.row_data(first), x.dtype(), count, {reinterpret_cast<const float*>(packed_.data()), hidden_},
                    first_block, last_block, z, z_stride(), scratch_.rows().row<float>(omp_get_thread_num()));
  }

  void choose(const float* z, const float* bias, std::int64_t token, Rows* logits, Routing& routing) {
    const auto at = static_cast<std::size_t>(token * config_.top_k);
    kernels_.select(config_, z, bias, routing.topk_idx.data() + at, routing.topk_weights.data() + at,
                    select_scratch_.rows().row<float>(omp_get_thread_num()));
    if (logits != nullptr) {
      std::memcpy(logits->row<float>(token), z, static_cast<std::size_t>(config_.num_experts) * sizeof(float));
    }
  }

  void pack(const GateState& state) {
    const ConstRows weight = state.weight.rows();
    if (packed_version_ == state.version && packed_from_ == weight.data()) return;
    auto* packed = reinterpret_cast<float*>(packed_.data());
#pragma omp parallel for num_threads(num_threads_) collapse(2) schedule(static)
    for (std::int64_t block = 0; block < num_blocks_; ++block) {
      for (std::int64_t h = 0; h < hidden_; ++h) {
        for (std::int64_t lane = 0; lane < 16; ++lane) {
          const std::int64_t e = block * 16 + lane;
          packed[(block * hidden_ + h) * 16 + lane] = e < config_.num_experts ? weight.row<float>(e)[h] : 0.0f;
        }
      }
    }
    packed_version_ = state.version;
    packed_from_ = weight.data();
  }

  std::int64_t z_stride() const { return num_blocks_ * 16; }
  float* z_row(std::int64_t row) const { return reinterpret_cast<float*>(z_.data()) + row * z_stride(); }

  GateConfig config_;
  std::int64_t hidden_;
  int num_threads_;
  const GateKernels& kernels_;
  std::int64_t num_blocks_;
  Buffer packed_;
  std::optional<std::uint64_t> packed_version_;
  const void* packed_from_ = nullptr;
  Buffer z_;
  RowBuffer scratch_;
  RowBuffer select_scratch_;
};

}  // namespace

std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden, const Settings& settings) {
  return std::make_unique<CpuGate>(config, hidden, settings);
}

}  // namespace moeperf::cpu
