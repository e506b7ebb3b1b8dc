#include "benchmarks/suite/checker.hpp"

#include "kernels/base/philox.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace moeperf {

void Checker::same_bits(ConstRows got, std::int64_t row, const void* expected) {
  count(std::memcmp(got.row_data(row), expected, static_cast<std::size_t>(got.row_bytes())) != 0);
}

void Checker::close(ConstRows got, std::int64_t row, const std::vector<float>& expected,
                    const std::vector<float>& allowance) {
  double squares = 0;
  for (const float value : expected) squares += double{value} * value;
  const double rms = std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, expected.size())));
  const std::vector<float> values = to_floats(got.slice(row, 1));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double scale = std::abs(expected[i]) + rms;
    const double allowed = allowance.empty() ? 0.0 : allowance[i];
    const double difference = std::abs(double{values[i]} - expected[i]);
    const double beyond = difference <= allowed ? 0.0 : difference - allowed;
    const double error = scale > 0 ? beyond / scale : std::abs(double{values[i]});
    const bool wrong = !(error <= verification_.tolerance);  // NaN is wrong
    count(wrong);
    const double shown = std::isnan(error) ? HUGE_VAL : error;
    verification_.max_error = std::max(verification_.max_error, shown);
  }
}

void Checker::claim(const std::string& text) {
  if (text == claim_) return;
  claim_ = text;
  verification_.scope += (verification_.scope.empty() ? "" : "; ") + text;
}

void Checker::add(const Claim& counted) {
  claim(counted.text);
  verification_.checked += counted.checked;
  if (counted.wrong > 0) fail(counted.wrong);
}

void Checker::holds(const std::optional<std::string>& fault) {
  ++verification_.checked;
  if (!fault) return;
  ++verification_.wrong;
  verification_.failed.push_back(claim_ + ": " + *fault);
}

void Checker::fail(std::int64_t times) {
  verification_.wrong += times;
  std::vector<std::string>& failed = verification_.failed;
  if (failed.empty() || failed.back() != claim_) failed.push_back(claim_);
}

Verification Checker::result() {
  verification_.passed = verification_.wrong == 0;
  return verification_;
}

void poison(Rows rows) {
  if (rows.bytes() > 0) std::memset(rows.data(), 0xff, static_cast<std::size_t>(rows.bytes()));
}

double expert_tolerance(const ExpertShape& shape) {
  const double depth = std::sqrt(static_cast<double>(std::max(shape.hidden, shape.intermediate)));
  const double accumulation = depth * std::ldexp(1.0, -22);
  return accumulation + (shape.dtype == DType::bf16 ? std::ldexp(1.0, -7) : 0.0);
}

std::vector<float> to_floats(ConstRows row) {
  std::vector<float> values(static_cast<std::size_t>(row.num_rows() * row.num_cols()));
  visit_dtype(row.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    const Element* from = row.row<Element>(0);
    std::transform(from, from + values.size(), values.begin(), [](Element e) { return static_cast<float>(e); });
  });
  return values;
}

ReferenceExperts::ReferenceExperts(Problem& problem)
    : problem_(problem), reference_(kernel_registry().make("reference", KernelContext{1})) {}

std::vector<float> ReferenceExperts::answer(const ExpertShape& shape, std::int32_t weights_id, ConstRows row) {
  auto expert = reference_->make_expert_ffn(shape, 1);
  ExpertWeightSource source(shape);
  expert->load(0, source.draw(problem_.seed(), weights_id));
  RowBuffer out(1, shape.hidden, shape.dtype);
  const std::int64_t offsets[]{0, 1};
  const std::int32_t slots[]{0};
  expert->forward(row, offsets, slots, out.rows());
  return to_floats(out.rows());
}

std::vector<float> ReferenceExperts::routed(std::int32_t expert, ConstRows row) {
  return answer(routed_expert_shape(problem_.workload().model), problem_.weights().weights_of(expert), row);
}

std::vector<float> ReferenceExperts::shared(ConstRows row) {
  return answer(shared_expert_shape(problem_.workload().model), shared_expert_weights_id, row);
}

std::vector<std::int64_t> sample_rows(std::uint64_t seed, std::uint64_t item, std::int64_t num_rows,
                                      std::int64_t wanted) {
  std::set<std::int64_t> rows;
  for (std::uint32_t i = 0; num_rows > 0 && static_cast<std::int64_t>(rows.size()) < std::min(wanted, num_rows); ++i) {
    const auto bits = random_bits(seed, RandomStream::verification_sample, item, i);
    rows.insert(
        static_cast<std::int64_t>(((std::uint64_t{bits[0]} << 32) | bits[1]) % static_cast<std::uint64_t>(num_rows)));
  }
  return {rows.begin(), rows.end()};
}

void sign_row(Rows rows, std::int64_t row, std::int32_t expert) {
  visit_dtype(rows.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    Element* to = rows.row<Element>(row);
    const std::int64_t wide = std::min<std::int64_t>(2, rows.num_cols());
    const float parts[]{static_cast<float>(expert % 128 + 1), static_cast<float>(expert / 128 + 1)};
    for (std::int64_t i = 0; i < wide; ++i) to[i] = Element(parts[i]);
  });
}

}  // namespace moeperf
