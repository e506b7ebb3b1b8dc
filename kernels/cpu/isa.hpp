#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace moeperf::cpu {

/// The instruction sets that *_isa.cpp files are compiled for. All compute the same bits.
enum class Isa : std::uint8_t { generic, avx2, avx512 };

std::string_view name(Isa isa);

/// Those that this processor can run, the best last.
std::vector<Isa> usable_isas();

/// Whether the processor multiplies bf16 by itself. Where it does not, the library's bf16 products are a third
/// or a quarter as fast as its f32 ones.
bool has_bf16_products();

}  // namespace moeperf::cpu
