#include "kernels/cpu/isa.hpp"

#include "kernels/base/error.hpp"

#include <array>
#include <cstdlib>
#include <string>

namespace moeperf::cpu {
namespace {

constexpr std::array all{Isa::generic, Isa::avx2, Isa::avx512};

std::vector<Isa> isas_of_processor() {
  std::vector<Isa> isas{Isa::generic};
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (avx2) isas.push_back(Isa::avx2);
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) isas.push_back(Isa::avx512);
#endif
  return isas;
}

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::generic:
      return "generic";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "";
}

std::optional<Isa> isa_cap() {
  const char* text = std::getenv("MOEPERF_MAX_ISA");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::string accepted;
  for (const Isa isa : all) {
    if (name(isa) == text) return isa;
    accepted += (accepted.empty() ? "" : ", ") + std::string(name(isa));
  }
  throw UserError("MOEPERF_MAX_ISA=" + std::string(text) +
                  ": it caps the instruction set of the cpu kernels; accepted: " + accepted);
}

std::vector<Isa> usable_isas() {
  std::vector<Isa> isas = isas_of_processor();
  const Isa cap = isa_cap().value_or(all.back());
  std::erase_if(isas, [&](Isa isa) { return isa > cap; });
  return isas;
}

}  // namespace moeperf::cpu
