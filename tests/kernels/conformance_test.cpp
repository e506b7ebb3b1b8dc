// Every kernel backend that runs here against `reference`: gate and permute bit for bit, experts within what the
// element type and the length of the sums allow.
#include "kernels/backend.hpp"
#include "kernels/gemm_operands.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/random_data.hpp"
#include "tests/matrix.hpp"

#include <cmath>
#include <cstring>

using namespace moeperf;
using test::Numbers;

namespace {

std::vector<std::unique_ptr<KernelBackend>> usable_backends() {
  std::vector<std::unique_ptr<KernelBackend>> backends;
  for (const int num_threads : {1, 2, 3}) {
    for (const auto& entry : kernel_registry().entries()) {
      if (!kernel_registry().why_not(entry, {num_threads})) backends.push_back(entry.make({num_threads}));
    }
  }
  return backends;
}

std::unique_ptr<KernelBackend> reference() { return kernel_registry().make("reference", {1}); }

bool same_bytes(ConstRows a, ConstRows b) {
  return a.bytes() == b.bytes() &&
         (a.bytes() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.bytes())) == 0);
}

bool same_routing(const Routing& a, const Routing& b) {
  return a.topk_idx == b.topk_idx && a.topk_weights.size() == b.topk_weights.size() &&
         std::equal(a.topk_weights.begin(), a.topk_weights.end(), b.topk_weights.begin(), [](float x, float y) {
           return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
         });
}

GateState gate_state(Numbers& numbers, std::int64_t experts, std::int64_t hidden, bool with_bias) {
  GateState state;
  state.weight = test::random_rows(numbers, experts, hidden, DType::f32, 1.0f / std::sqrt(static_cast<float>(hidden)));
  for (std::int64_t e = 0; with_bias && e < experts; ++e) state.bias.push_back(0.1f * numbers.value());
  return state;
}

struct GateCase {
  std::int64_t tokens, hidden;
  GateConfig config;
};

/// Shapes at the edges first, then random ones.
std::vector<GateCase> gate_cases() {
  auto config = [](std::int32_t e, std::int32_t k, Score score, std::int32_t groups = 1, std::int32_t kept = 1,
                   GroupScore group_score = GroupScore::top2_sum) {
    GateConfig c;
    c.num_experts = e, c.top_k = k, c.score = score, c.groups = groups, c.topk_groups = kept,
    c.group_score = group_score;
    return c;
  };
  std::vector<GateCase> cases{
      {0, 64, config(8, 2, Score::softmax)},
      {1, 64, config(8, 2, Score::softmax)},
      {1, 1, config(1, 1, Score::sigmoid)},
      {1, 300, config(256, 8, Score::sigmoid, 8, 4)},
      {5, 33, config(5, 5, Score::softmax)},
      {13, 257, config(17, 3, Score::sqrt_softplus)},
      {97, 513, config(60, 4, Score::softmax)},
      {200, 256, config(64, 8, Score::softmax)},
      {201, 128, config(160, 6, Score::softmax, 8, 3, GroupScore::max)},
      {50, 40, config(384, 8, Score::sigmoid)},
      {9, 24, config(6, 2, Score::sigmoid, 6, 2)},
      {31, 16, config(12, 6, Score::sigmoid, 4, 1)},  // more choices than the kept group has experts
  };
  cases[5].config.norm_topk = false;
  cases[6].config.softmax_after_topk = true;
  cases[7].config.routed_scale = 2.5;
  Numbers numbers(20240617);
  for (int i = 0; i < 12; ++i) {
    const std::int32_t groups = 1 + numbers.below(4), size = 1 + numbers.below(40);
    const std::int32_t experts = groups * size, kept = 1 + numbers.below(groups);
    GateCase c{numbers.below(120), 1 + numbers.below(600),
               config(experts, 1 + numbers.below(std::min(experts, 12)), static_cast<Score>(numbers.below(3)), groups,
                      kept, static_cast<GroupScore>(numbers.below(2)))};
    c.config.norm_topk = numbers.below(2) == 0;
    c.config.softmax_after_topk = numbers.below(4) == 0;
    cases.push_back(c);
  }
  return cases;
}

void check_gate(KernelBackend& backend, const GateCase& c, DType dtype, bool with_bias) {
  Numbers numbers(5 + static_cast<std::uint64_t>(c.tokens));
  GateState state = gate_state(numbers, c.config.num_experts, c.hidden, with_bias);
  const RowBuffer x = test::random_rows(numbers, c.tokens, c.hidden, dtype);
  RowBuffer wanted_logits(c.tokens, c.config.num_experts, DType::f32),
      logits(c.tokens, c.config.num_experts, DType::f32);
  Rows wanted_z = wanted_logits.rows(), z = logits.rows();
  Routing wanted, found;
  reference()->make_gate(c.config, c.hidden)->forward(x.rows(), state, &wanted_z, wanted);

  auto gate = backend.make_gate(c.config, c.hidden);
  INFO(backend.description() << ", " << name(dtype) << ", T " << c.tokens << ", H " << c.hidden << ", E "
                             << c.config.num_experts << ", K " << c.config.top_k << ", groups " << c.config.groups
                             << "→" << c.config.topk_groups << ", " << name(c.config.score));
  gate->forward(x.rows(), state, &z, found);
  CHECK(same_bytes(z, wanted_z));
  CHECK(same_routing(found, wanted));
  gate->forward(x.rows(), state, nullptr, found);
  CHECK(same_routing(found, wanted));
  gate->select(wanted_z, state.bias, found);
  CHECK(same_routing(found, wanted));
}

}  // namespace

// In a thin matrix the element types take turns, from case to case and from backend to backend.
TEST_CASE("Gates agree with the reference bit for bit") {
  const std::vector<GateCase> cases = gate_cases();
  std::size_t backend_number = 0;
  for (const auto& backend : usable_backends()) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const GateCase& c = cases[i];
      if (test::in_turn(i + backend_number / 2, 0, 2)) check_gate(*backend, c, DType::f32, c.tokens % 2 == 1);
      if (test::in_turn(i + backend_number / 2, 1, 2)) check_gate(*backend, c, DType::bf16, c.tokens % 2 == 1);
    }
    ++backend_number;
  }
}

TEST_CASE("A gate sees changed weights once their version is raised") {
  for (const auto& backend : usable_backends()) {
    Numbers numbers(3);
    GateConfig config;
    config.num_experts = 20;
    config.top_k = 2;
    GateState state = gate_state(numbers, 20, 48, false);
    const RowBuffer x = test::random_rows(numbers, 7, 48, DType::bf16);
    auto gate = backend->make_gate(config, 48);
    Routing found, wanted;
    gate->forward(x.rows(), state, nullptr, found);
    for (std::int64_t e = 0; e < 20; ++e) state.weight.rows().row<float>(e)[e] += 2.0f;
    ++state.version;
    gate->forward(x.rows(), state, nullptr, found);
    reference()->make_gate(config, 48)->forward(x.rows(), state, nullptr, wanted);
    CHECK(same_routing(found, wanted));
  }
}

TEST_CASE("Equal logits choose the lowest experts, and NaN and infinity choose valid and distinct ones") {
  for (const auto& backend : usable_backends()) {
    for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
      GateConfig config;
      config.num_experts = 20;
      config.top_k = 3;
      config.score = score;
      RowBuffer logits(4, 20, DType::f32);
      for (std::int64_t e = 0; e < 20; ++e) {
        logits.rows().row<float>(0)[e] = 1.5f;
        logits.rows().row<float>(1)[e] = std::nanf("");
        logits.rows().row<float>(2)[e] = e == 4 ? std::nanf("") : -1.0f;
        logits.rows().row<float>(3)[e] = e == 4 ? std::numeric_limits<float>::infinity() : 0.0f;
      }
      Routing routing;
      backend->make_gate(config, 1)->select(logits.rows(), {}, routing);
      INFO(backend->description() << ", " << name(score));
      for (std::size_t t = 0; t < 4; ++t) {
        const auto* idx = routing.topk_idx.data() + 3 * t;
        CHECK((idx[0] != idx[1] && idx[0] != idx[2] && idx[1] != idx[2]));
        for (int k = 0; k < 3; ++k) CHECK((idx[k] >= 0 && idx[k] < 20));
      }
      CHECK(std::vector<std::int32_t>(routing.topk_idx.begin(), routing.topk_idx.begin() + 3) ==
            std::vector<std::int32_t>{0, 1, 2});
    }
  }
}

namespace {

/// Keys of copies: random, all one expert's, all dropped, some dropped.
std::vector<std::int32_t> keys_of(Numbers& numbers, std::int64_t num_copies, std::int32_t num_keys, int kind) {
  std::vector<std::int32_t> keys;
  for (std::int64_t c = 0; c < num_copies; ++c) {
    const std::int32_t random = numbers.below(num_keys);
    keys.push_back(kind == 0 ? random : kind == 1 ? num_keys - 1 : kind == 2 ? -1 : random % 3 == 0 ? -1 : random);
  }
  return keys;
}

void check_permuter(KernelBackend& backend, std::int64_t tokens, std::int32_t k, std::int32_t num_keys,
                    std::int64_t hidden, DType dtype, int kind) {
  Numbers numbers(100 + static_cast<std::uint64_t>(tokens * k));
  const auto keys = keys_of(numbers, tokens * k, num_keys, kind);
  std::vector<float> weights;
  for (std::int64_t c = 0; c < tokens * k; ++c) weights.push_back(numbers.value());
  const RowBuffer x = test::random_rows(numbers, tokens, hidden, dtype);
  INFO(backend.description() << ", " << name(dtype) << ", T " << tokens << ", K " << k << ", keys " << num_keys
                             << ", H " << hidden << ", kind " << kind);

  auto oracle = reference()->make_permuter();
  auto permuter = backend.make_permuter();
  PermutePlan wanted, found;
  oracle->plan(keys, tokens, k, num_keys, wanted);
  permuter->plan(keys, tokens, k, num_keys, found);
  CHECK(found.num_tokens == tokens);
  CHECK(found.top_k == k);
  CHECK(found.offsets == wanted.offsets);
  CHECK(found.row_of_copy == wanted.row_of_copy);
  CHECK(found.token_of_row == wanted.token_of_row);

  RowBuffer wanted_rows(wanted.num_rows(), hidden, dtype), rows(wanted.num_rows(), hidden, dtype);
  oracle->gather(x.rows(), wanted.token_of_row, wanted_rows.rows());
  permuter->gather(x.rows(), wanted.token_of_row, rows.rows());
  CHECK(same_bytes(rows.rows(), wanted_rows.rows()));

  RowBuffer wanted_sum(tokens, hidden, dtype), sum(tokens, hidden, dtype);
  oracle->weighted_sum(wanted_rows.rows(), wanted.row_of_copy, weights, k, wanted_sum.rows());
  permuter->weighted_sum(wanted_rows.rows(), wanted.row_of_copy, weights, k, sum.rows());
  CHECK(same_bytes(sum.rows(), wanted_sum.rows()));
}

}  // namespace

TEST_CASE("Permuters agree with the reference bit for bit") {
  std::size_t backend_number = 0;
  for (const auto& backend : usable_backends()) {
    ++backend_number;
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const int kind : {0, 1, 2, 3}) {
        if (!test::in_turn(backend_number / 2 + static_cast<std::size_t>(kind), dtype == DType::f32 ? 0 : 1, 2))
          continue;
        check_permuter(*backend, 0, 2, 8, 64, dtype, kind);
        check_permuter(*backend, 1, 1, 1, 1, dtype, kind);
        check_permuter(*backend, 37, 3, 5, 141, dtype, kind);
        check_permuter(*backend, 64, 8, 7, 256, dtype, kind);
        check_permuter(*backend, 2500, 5, 129, 17, dtype, kind);  // enough copies for a plan by several threads
      }
    }
  }
}

TEST_CASE("A gather beyond the caches copies bit for bit too") {
  const std::int64_t hidden = 2048, num_rows = 16000;  // 65 MB
  Numbers numbers(8);
  const RowBuffer x = test::random_rows(numbers, 64, hidden, DType::bf16);
  std::vector<std::int64_t> source;
  for (std::int64_t i = 0; i < num_rows; ++i) source.push_back(numbers.below(64));
  auto permuter = kernel_registry().make(kernel_registry().resolve({"auto"}, {2}).front(), {2})->make_permuter();
  RowBuffer out(num_rows, hidden, DType::bf16);
  permuter->gather(x.rows(), source, out.rows());
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < num_rows; ++i) {
    wrong += !same_bytes(out.rows().slice(i, 1), x.rows().slice(source[static_cast<std::size_t>(i)], 1));
  }
  CHECK(wrong == 0);
}

namespace {

/// The same rows in groups of fixed capacity give the same bits, and rows that belong to no group are left alone.
void check_masked(ExpertFfn& expert, const RowGroups& groups, std::span<const std::int32_t> sets, ConstRows in,
                  ConstRows found) {
  std::vector<std::int64_t> counts;
  for (std::int64_t e = 0; e < groups.num_groups(); ++e) counts.push_back(groups.count(e));
  const std::int64_t capacity = counts.empty() ? 1 : *std::max_element(counts.begin(), counts.end()) + 3;
  const RowGroups masked = RowGroups::masked(counts, capacity);
  const std::int64_t num_rows = groups.num_groups() * capacity;
  RowBuffer spread(num_rows, in.format()), out(num_rows, in.format());
  for (Rows rows : {spread.rows(), out.rows()}) {
    if (rows.bytes() > 0) std::memset(rows.data(), 0xff, static_cast<std::size_t>(rows.bytes()));
  }
  for (std::int64_t e = 0; e < groups.num_groups(); ++e) {
    copy_rows(in.slice(groups.first(e), groups.count(e)), spread.rows().slice(masked.first(e), groups.count(e)));
  }
  expert.forward(spread.rows(), masked, sets, out.rows());
  std::int64_t wrong = 0;
  for (std::int64_t e = 0; e < groups.num_groups(); ++e) {
    for (std::int64_t i = 0; i < capacity; ++i) {
      const std::byte* row = out.rows().row_data(masked.first(e) + i);
      const std::byte* want = found.row_data(groups.first(e) + i);
      const auto bytes = static_cast<std::size_t>(in.row_bytes());
      wrong += i < groups.count(e) ? std::memcmp(row, want, bytes) != 0
                                   : std::any_of(row, row + bytes, [](std::byte b) { return b != std::byte{0xff}; });
    }
  }
  CHECK(wrong == 0);
  CHECK(masked.num_rows() == groups.num_rows());
}

void check_expert(KernelBackend& backend, const ExpertShape& shape, const std::vector<std::int64_t>& offsets) {
  Numbers numbers(31);
  const auto num_experts = static_cast<std::int32_t>(offsets.size()) - 1;
  const std::int32_t num_sets = 2;
  auto oracle = reference()->make_expert_ffn(shape, num_sets);
  auto expert = backend.make_expert_ffn(shape, num_sets);
  const float scale_h = 1.0f / std::sqrt(static_cast<float>(shape.hidden));
  const float scale_i = 1.0f / std::sqrt(static_cast<float>(shape.intermediate));
  for (std::int32_t set = 0; set < num_sets; ++set) {
    const std::int64_t gate_rows = shape.activation == Activation::swiglu ? shape.intermediate : 0;
    const RowBuffer gate = test::random_rows(numbers, gate_rows, shape.hidden, shape.dtype, scale_h);
    const RowBuffer up = test::random_rows(numbers, shape.intermediate, shape.hidden, shape.dtype, scale_h);
    const RowBuffer down = test::random_rows(numbers, shape.hidden, shape.intermediate, shape.dtype, scale_i);
    oracle->load(set, {gate.rows(), up.rows(), down.rows()});
    expert->load(set, {gate.rows(), up.rows(), down.rows()});
  }
  std::vector<std::int32_t> sets;
  for (std::int32_t e = 0; e < num_experts; ++e) sets.push_back((e + 1) % num_sets);
  const RowBuffer in = test::random_rows(numbers, offsets.back(), shape.hidden, shape.dtype);
  RowBuffer wanted(offsets.back(), shape.hidden, shape.dtype), found(offsets.back(), shape.hidden, shape.dtype);
  const RowGroups groups = RowGroups::contiguous(offsets);
  oracle->forward(in.rows(), groups, sets, wanted.rows());
  expert->forward(in.rows(), groups, sets, found.rows());
  check_masked(*expert, groups, sets, in.rows(), found.rows());

  // Outputs have size about 0.6. Sums of n terms in another order differ by about sqrt(n) roundings of f32; in bf16
  // the activation and the result are rounded to 8 bits besides, and a neighbouring value of the activation moves
  // the result by less than its own last place.
  const double rounding = shape.dtype == DType::f32 ? 0x1p-24 : 0x1p-9;
  const double depth =
      shape.dtype == DType::f32 ? std::sqrt(static_cast<double>(shape.hidden + shape.intermediate)) : 1.0;
  double worst = 0, largest = 0;
  for (std::int64_t r = 0; r < offsets.back(); ++r) {
    for (std::int64_t c = 0; c < shape.hidden; ++c) {
      const double w = test::element(std::as_const(wanted).rows(), r, c),
                   f = test::element(std::as_const(found).rows(), r, c);
      worst = std::max(worst, std::abs(w - f) / (1.0 + std::abs(w)));
      largest = std::max(largest, std::abs(w));
    }
  }
  INFO(backend.description() << ", " << name(shape.dtype) << ", " << name(shape.activation) << ", H " << shape.hidden
                             << ", I " << shape.intermediate << ", rows " << offsets.back());
  CHECK(worst <= 4 * rounding * depth);
  CHECK((offsets.back() == 0 || largest > 0.01));
  CHECK(expert->executed_flop(groups) >= offsets.back() * shape.flop_per_row());
}

}  // namespace

TEST_CASE("Expert networks agree with the reference within rounding") {
  for (const auto& backend : usable_backends()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const Activation activation : {Activation::swiglu, Activation::relu}) {
        check_expert(*backend, {64, 32, activation, dtype}, {0, 0, 0});              // no rows at all
        check_expert(*backend, {64, 32, activation, dtype}, {0, 1, 1, 18, 18, 20});  // empty groups between others
        check_expert(*backend, {48, 80, activation, dtype}, {0, 0, 67});             // one takes all
        check_expert(*backend, {33, 17, activation, dtype}, {0, 7, 12});             // nothing a multiple of a vector
      }
    }
    check_expert(*backend, {32, 16, Activation::swiglu, DType::bf16}, {0, 1100, 1103});  // several row blocks
  }
}

TEST_CASE("Plain products are those of their operands, in every element, and count two FLOP per multiply-add") {
  constexpr std::int64_t m = 9, n = 20, k = 33;
  for (const auto& backend : usable_backends()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      auto gemm = backend->make_plain_gemm(m, n, k, dtype);
      CHECK(gemm->flop() == 2 * m * n * k);
      gemm->run();
      const Rows product = gemm->product();
      std::memset(product.data(), 0xff, static_cast<std::size_t>(product.bytes()));
      gemm->run();
      INFO(backend->description() << ", " << name(dtype));
      REQUIRE(product.num_rows() == m);
      REQUIRE(product.num_cols() == n);
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          float wanted = 0;  // the sums are exact in any order
          for (std::int64_t h = 0; h < k; ++h) wanted += gemm_operand(i, h) * gemm_operand(j, h);
          if (product.dtype() == DType::bf16) wanted = static_cast<float>(BFloat16(wanted));
          CHECK(test::element(product, i, j) == wanted);
        }
      }
    }
  }
}
