#include "benchmarks/verification/checker.hpp"

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

void poison(Rows rows, Queue& queue) {
  if (rows.space() == MemorySpace::host) return poison(rows);
  RowBuffer poisoned(rows.num_rows(), rows.format());
  poison(poisoned.rows());
  queue.copy(std::as_const(poisoned).rows(), rows);
  queue.wait();
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

}  // namespace moeperf
