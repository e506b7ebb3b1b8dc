#pragma once

#include "kernels/cpu/isa.hpp"
#include "kernels/expert.hpp"
#include "kernels/gate.hpp"
#include "kernels/permute.hpp"
#include "kernels/quantize.hpp"

#include <memory>

namespace moeperf::cpu {

/// Choices that the cpu kernels share.
struct Settings {
  int num_threads = 1;
  Isa isa = Isa::generic;
  /// Compute bf16 rows and weights in f32 (the products are exact in both): for processors without bf16 products.
  bool widen_bf16 = false;

  static Settings of_this_machine(int num_threads);
};

std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden, const Settings& settings);
std::unique_ptr<Permuter> make_permuter(const Settings& settings);
std::unique_ptr<RowCodec> make_row_codec(WireType type, const Settings& settings);
std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets, const Settings& settings);
std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype,
                                           const Settings& settings);

}  // namespace moeperf::cpu
