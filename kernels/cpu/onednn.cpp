#include "kernels/cpu/onednn.hpp"

namespace moeperf::cpu {

bool onednn_multiplies_bf16() {
#if defined(__x86_64__)
  // A level's bits contain those of the levels below it.
  constexpr auto level = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & level) == level;
#else
  // The library tells no level here: one product shows.
  try {
    const auto tag = dnnl::memory::format_tag::ab;
    const dnnl::memory::desc square({64, 64}, onednn_type(DType::bf16), tag);
    const std::string kernel = matmul_desc(square, square, square).impl_info_str();
    return !kernel.starts_with("ref");
  } catch (const dnnl::error&) {
    return false;
  }
#endif
}

}  // namespace moeperf::cpu
