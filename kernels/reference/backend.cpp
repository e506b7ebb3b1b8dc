#include "kernels/backend.hpp"
#include "kernels/reference/kernels.hpp"

namespace moeperf {
namespace {

/// The oracle: plain loops on one thread, always built.
class ReferenceBackend final : public KernelBackend {
 public:
  Queue& queue() override { return queue_; }
  MemoryResource& memory() override { return host_memory(); }
  std::string description() const override { return "plain loops, 1 thread"; }
  std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden) override {
    return reference::make_gate(config, hidden);
  }
  std::unique_ptr<Permuter> make_permuter() override { return reference::make_permuter(); }
  std::unique_ptr<RowCodec> make_row_codec(WireType type) override { return reference::make_row_codec(type); }
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets) override {
    return reference::make_expert_ffn(shape, num_sets);
  }
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) override {
    return reference::make_plain_gemm(m, n, k, dtype);
  }

 private:
  ImmediateQueue queue_;
};

const Registration registration(kernel_registry(), {"reference",
                                                    "plain loops, the oracle",
                                                    0,
                                                    {},
                                                    [](const KernelContext&) -> std::unique_ptr<KernelBackend> {
                                                      return std::make_unique<ReferenceBackend>();
                                                    },
                                                    ""});

}  // namespace
}  // namespace moeperf
