#include "kernels/backend.hpp"

#include "kernels/base/counted.hpp"
#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/onednn.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace cpu {

Settings Settings::of_this_machine(int num_threads) {
  return {num_threads, usable_isas().back(), !onednn_multiplies_bf16()};
}

}  // namespace cpu

namespace {

/// Own vector code for gate, permute and codecs, oneDNN for the experts' products.
class CpuBackend final : public KernelBackend {
 public:
  explicit CpuBackend(const KernelContext& context) : settings_(cpu::Settings::of_this_machine(context.num_threads)) {}

  Queue& queue() override { return queue_; }
  MemoryResource& memory() override { return host_memory(); }
  std::string description() const override {
    const dnnl_version_t& version = *dnnl_version();
    return fmt::format("{}{}, {}, oneDNN {}.{}.{}{}", name(settings_.isa),
                       cpu::isa_cap() ? " (at most: MOEPERF_MAX_ISA)" : "", counted(settings_.num_threads, "thread"),
                       version.major, version.minor, version.patch,
                       settings_.widen_bf16 ? ", bf16 computed in f32" : "");
  }
  std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden) override {
    return cpu::make_gate(config, hidden, settings_);
  }
  std::unique_ptr<Permuter> make_permuter() override { return cpu::make_permuter(settings_); }
  std::unique_ptr<RowCodec> make_row_codec(WireType type) override { return cpu::make_row_codec(type, settings_); }
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets) override {
    return cpu::make_expert_ffn(shape, num_sets, settings_);
  }
  std::int64_t expert_bytes(const ExpertShape& shape) const override {
    return shape.weight_bytes() / size_bytes(shape.dtype) * size_bytes(settings_.widen_bf16 ? DType::f32 : shape.dtype);
  }
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) override {
    return cpu::make_plain_gemm(m, n, k, dtype, settings_);
  }

 private:
  cpu::Settings settings_;
  ImmediateQueue queue_;
};

const Registration registration(kernel_registry(),
                                {.name = "cpu",
                                 .summary = "own vector code for gate and permute, oneDNN for the experts",
                                 .priority = 10,
                                 .unsupported_reason = {},
                                 .make = [](const KernelContext& context) -> std::unique_ptr<KernelBackend> {
                                   return std::make_unique<CpuBackend>(context);
                                 },
                                 .missing_option = {}});

}  // namespace
}  // namespace moeperf
