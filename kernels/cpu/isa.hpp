#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace moeperf::cpu {

/// The instruction sets that *_isa.cpp files are compiled for. All compute the same bits.
enum class Isa : std::uint8_t { generic, avx2, avx512 };

std::string_view name(Isa isa);

/// The highest that the environment variable MOEPERF_MAX_ISA allows: how a lower processor is tried on this one. It
/// does not reach into oneDNN, whose own is ONEDNN_MAX_CPU_ISA (DNNL_MAX_CPU_ISA before version 3). UserError if it is
/// none of the names.
std::optional<Isa> isa_cap();

/// Those that this processor can run and the cap allows, the best last.
std::vector<Isa> usable_isas();

}  // namespace moeperf::cpu
