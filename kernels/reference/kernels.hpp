#pragma once

#include "kernels/expert.hpp"
#include "kernels/gate.hpp"
#include "kernels/permute.hpp"
#include "kernels/quantize.hpp"

#include <memory>

namespace moeperf::reference {

// The plain kernels, one thread, written to be read.
std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden);
std::unique_ptr<Permuter> make_permuter();
std::unique_ptr<RowCodec> make_row_codec(WireType type);
std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets);
std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype);

}  // namespace moeperf::reference
