// The cpu kernels for each instruction set that this processor has, not only for the best.
#include "kernels/cpu/kernels.hpp"

#include "kernels/backend.hpp"
#include "kernels/base/float8.hpp"
#include "kernels/cpu/packed_gemm.hpp"
#include "kernels/cpu/quantize_kernels.hpp"
#include "kernels/cpu/row_kernels.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/random_data.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>

using namespace moeperf;
using test::Numbers;

TEST_CASE("Gates give the same bits on every instruction set and number of threads") {
  Numbers numbers(11);
  GateState state;
  state.weight = test::random_rows(numbers, 100, 530, DType::f32, 0.05f);
  for (int e = 0; e < 100; ++e) state.bias.push_back(0.01f * numbers.value());
  const RowBuffer x = test::random_rows(numbers, 217, 530, DType::bf16);
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
    GateConfig config;
    config.num_experts = 100;
    config.top_k = 7;
    config.score = score;
    config.groups = 4;
    config.topk_groups = 2;
    Routing wanted;
    kernel_registry().make("reference", {1})->make_gate(config, 530)->forward(x.rows(), state, nullptr, wanted);
    for (const cpu::Isa isa : cpu::usable_isas()) {
      for (const int num_threads : {1, 2, 5}) {
        for (const std::int64_t tokens : {1, 2, 6, 217}) {
          Routing found;
          cpu::make_gate(config, 530, {num_threads, isa, false})
              ->forward(x.rows().slice(0, tokens), state, nullptr, found);
          INFO(cpu::name(isa) << ", " << num_threads << " threads, " << tokens << " tokens, " << name(score));
          const std::size_t n = found.topk_idx.size();
          CHECK(found.topk_idx ==
                std::vector(wanted.topk_idx.begin(), wanted.topk_idx.begin() + static_cast<std::ptrdiff_t>(n)));
          CHECK(found.topk_weights ==
                std::vector(wanted.topk_weights.begin(), wanted.topk_weights.begin() + static_cast<std::ptrdiff_t>(n)));
        }
      }
    }
  }
}

TEST_CASE("Conversions between f32 and bf16 are BFloat16's on every instruction set") {
  Numbers numbers(12);
  std::vector<float> values;
  for (const std::uint32_t bits : {0x7f800000u, 0xff800000u, 0x7f800001u, 0xffc00000u, 0x7f7fffffu, 0x00000001u,
                                   0x80000000u, 0x3f808000u, 0x3f818000u, 0x3f808001u}) {
    values.push_back(std::bit_cast<float>(bits));
  }
  while (values.size() < 1003) values.push_back(std::bit_cast<float>(numbers.next()));
  for (const cpu::Isa isa : cpu::usable_isas()) {
    const cpu::RowKernels& kernels = cpu::row_kernels(isa);
    std::vector<BFloat16> narrow(values.size());
    std::vector<float> wide(values.size());
    kernels.narrow(values.data(), static_cast<std::int64_t>(values.size()), narrow.data());
    kernels.widen(narrow.data(), static_cast<std::int64_t>(values.size()), wide.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      wrong += narrow[i].bits != BFloat16(values[i]).bits;
      wrong += std::bit_cast<std::uint32_t>(wide[i]) != std::uint32_t{narrow[i].bits} << 16;
    }
    INFO(cpu::name(isa));
    CHECK(wrong == 0);
  }
}

TEST_CASE("Conversions between f32 and fp8 are Float8's on every instruction set") {
  // With a scale of 1, which 448 in every block sees to: each code, each middle between two, and numbers at random.
  Numbers numbers(15);
  std::vector<float> values;
  for (int code = 0; code < 255; ++code) {
    Float8 number, next;
    number.bits = static_cast<std::uint8_t>(code), next.bits = static_cast<std::uint8_t>(code + 1);
    const float middle = 0.5f * (static_cast<float>(number) + static_cast<float>(next));
    for (const float value : {static_cast<float>(number), middle, std::nextafter(middle, 0.0f)})
      values.push_back(value);
  }
  while (values.size() < 20000) {
    const auto value = std::bit_cast<float>(numbers.next());
    if (!(std::abs(value) > 448.0f)) values.push_back(value);
  }
  for (std::size_t i = 0; i < values.size(); i += Fp8Layout::block) values[i] = 448.0f;
  const Fp8Layout layout{static_cast<std::int64_t>(values.size())};
  for (const cpu::Isa isa : cpu::usable_isas()) {
    const cpu::QuantizeKernels& kernels = cpu::quantize_kernels(isa);
    std::vector<std::byte> wire(static_cast<std::size_t>(layout.bytes()));
    std::vector<float> back(values.size());
    kernels.encode_fp8(values.data(), DType::f32, layout, wire.data());
    kernels.decode_fp8(wire.data(), layout, DType::f32, back.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Float8 wanted(values[i]);
      wrong += wire[i] != std::byte{wanted.bits};
      wrong += std::bit_cast<std::uint32_t>(back[i]) != std::bit_cast<std::uint32_t>(static_cast<float>(wanted));
    }
    INFO(cpu::name(isa));
    CHECK(wrong == 0);
  }
}

TEST_CASE("Activations and weighted sums give the same bits on every instruction set") {
  Numbers numbers(13);
  const std::int64_t n = 333;
  std::vector<float> gate_up;
  for (std::int64_t i = 0; i < 2 * n; ++i) gate_up.push_back(8.0f * numbers.value());
  const RowBuffer in = test::random_rows(numbers, 9, n, DType::bf16);
  const std::vector<std::int64_t> slots{3, -1, 8, 0};
  const std::vector<float> weights{0.3f, 7.0f, -0.2f, 0.5f};
  std::vector<std::vector<std::uint16_t>> results;
  for (const cpu::Isa isa : cpu::usable_isas()) {
    std::vector<std::uint16_t> out(static_cast<std::size_t>(3 * n));
    const cpu::RowKernels& kernels = cpu::row_kernels(isa);
    kernels.swiglu(gate_up.data(), n, DType::bf16, false, out.data());
    kernels.relu(gate_up.data(), n, DType::bf16, false, out.data() + n);
    kernels.weighted_sum(in.rows().data(), slots.data(), weights.data(), 4, n, DType::bf16, out.data() + 2 * n);
    results.push_back(out);
  }
  for (const auto& result : results) CHECK(result == results.front());
  for (std::int64_t i = 0; i < n; ++i) {
    const double g = gate_up[static_cast<std::size_t>(i)], u = gate_up[static_cast<std::size_t>(n + i)];
    const double found = std::bit_cast<float>(std::uint32_t{results.front()[static_cast<std::size_t>(i)]} << 16);
    CHECK(found == test::Approx(g / (1.0 + std::exp(-g)) * u).epsilon(0x1p-8));
  }
}

TEST_CASE("Experts agree whether bf16 is computed in f32 or by the library") {
  if (!cpu::onednn_multiplies_bf16()) {
    WARN("SKIPPED: oneDNN multiplies no bf16 on this processor or under its cap");
    return;
  }
  Numbers numbers(14);
  const ExpertShape shape{128, 96, Activation::swiglu, DType::bf16};
  const RowBuffer gate = test::random_rows(numbers, 96, 128, DType::bf16, 0.1f);
  const RowBuffer up = test::random_rows(numbers, 96, 128, DType::bf16, 0.1f);
  const RowBuffer down = test::random_rows(numbers, 128, 96, DType::bf16, 0.1f);
  const RowBuffer in = test::random_rows(numbers, 50, 128, DType::bf16);
  RowBuffer results[2]{{50, 128, DType::bf16}, {50, 128, DType::bf16}};
  for (const bool widen : {false, true}) {
    auto expert = cpu::make_expert_ffn(shape, 1, {2, cpu::usable_isas().back(), widen});
    expert->load(0, {gate.rows(), up.rows(), down.rows()});
    const std::vector<std::int64_t> offsets{0, 50};
    expert->forward(in.rows(), RowGroups::contiguous(offsets), std::vector<std::int32_t>{0}, results[widen].rows());
  }
  for (std::int64_t r = 0; r < 50; ++r) {
    for (std::int64_t c = 0; c < 128; ++c) {
      const double a = test::element(results[0].rows(), r, c), b = test::element(results[1].rows(), r, c);
      if (std::abs(a - b) > 0x1p-7 * (1.0 + std::abs(b)))
        FAIL("row " << r << ", column " << c << ": " << a << " and " << b);
    }
  }
}

TEST_CASE("The library takes none of its fallback kernels for the layouts that experts use") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    // What the backend would not ask for.
    if (dtype == DType::bf16 && !cpu::onednn_multiplies_bf16()) continue;
    const cpu::PackedGemm gemm(2048, 1024, dtype, DType::f32, 2);
    for (const std::int64_t m : {1, 7, 64, 200, 512}) CHECK(gemm.kernel(m).rfind("ref", 0) == std::string::npos);
  }
}

namespace {

/// MOEPERF_MAX_ISA as long as this lives.
class Cap {
 public:
  explicit Cap(const char* value) {
    if (const char* before = std::getenv(variable)) before_ = before;
    setenv(variable, value, 1);
  }
  ~Cap() { before_ ? setenv(variable, before_->c_str(), 1) : unsetenv(variable); }
  Cap(const Cap&) = delete;
  Cap& operator=(const Cap&) = delete;

 private:
  static constexpr const char* variable = "MOEPERF_MAX_ISA";
  std::optional<std::string> before_;
};

std::string description_of_cpu() { return kernel_registry().make("cpu", {1})->description(); }

}  // namespace

TEST_CASE("MOEPERF_MAX_ISA caps the cpu kernels, which say so") {
  const std::vector<cpu::Isa> usable = cpu::usable_isas();
  for (const cpu::Isa isa : usable) {
    const Cap cap(std::string(cpu::name(isa)).c_str());
    CHECK(cpu::usable_isas().back() == isa);
    CHECK(description_of_cpu().starts_with(std::string(cpu::name(isa)) + " (at most: MOEPERF_MAX_ISA), 1 thread"));
  }
  const Cap none("");
  CHECK(cpu::usable_isas().size() >= usable.size());
  CHECK(description_of_cpu().find("MOEPERF_MAX_ISA") == std::string::npos);
}

TEST_CASE("A MOEPERF_MAX_ISA that is no instruction set is refused with those that are") {
  for (const char* wrong : {"AVX2", "sse4", "avx512_core"}) {
    const Cap cap(wrong);
    try {
      (void)description_of_cpu();
      FAIL("taken: " << wrong);
    } catch (const UserError& error) {
      CHECK(error.what() == "MOEPERF_MAX_ISA=" + std::string(wrong) +
                                ": it caps the instruction set of the cpu kernels; accepted: generic, avx2, avx512");
    }
  }
}

TEST_CASE("Under the cap that the tests set, oneDNN has the level that belongs to it") {
  const char* level = std::getenv("MOEPERF_MAX_ISA");
  if (level == nullptr) return;
  CHECK_FALSE(cpu::onednn_multiplies_bf16());
  CHECK(description_of_cpu().ends_with(", bf16 computed in f32"));
}
