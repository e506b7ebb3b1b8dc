#pragma once

#include "kernels/balancing/scheme.hpp"
#include "kernels/base/queue.hpp"
#include "kernels/base/view.hpp"
#include "results/report.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// Collects comparisons of outputs with what they should be into a Verification: one claim after the other, each in
/// words. The scope is all of them, and those that failed are named.
class Checker {
 public:
  Checker() { verification_.performed = true; }
  explicit Checker(const std::string& first_claim, double tolerance = 0) : Checker() {
    verification_.tolerance = tolerance;
    claim(first_claim);
  }

  /// What is compared from here on is this claim's: one line, no ';'.
  void claim(const std::string& text);
  /// A claim that was counted elsewhere.
  void add(const Claim& claim);

  /// Row `row` of `got` against `expected`, bit for bit. Counts one row.
  void same_bits(ConstRows got, std::int64_t row, const void* expected);
  /// Elements of a row within tolerance · (|expected| + root mean square of the expected row). Counts elements. By
  /// allowance[i], where given, element i may differ besides.
  void close(ConstRows got, std::int64_t row, const std::vector<float>& expected,
             const std::vector<float>& allowance = {});
  void same(bool equal) { count(!equal); }
  /// The claim as a whole: `fault` says in words why it does not hold, and is named with it.
  void holds(const std::optional<std::string>& fault);
  Verification result();

 private:
  void count(bool wrong) {
    ++verification_.checked;
    if (wrong) fail(1);
  }
  void fail(std::int64_t times);

  std::string claim_;
  Verification verification_;
};

/// Fills rows of the host, or in the memory of a queue, with NaN of an unusual payload, which no correct run leaves
/// behind.
void poison(Rows rows);
void poison(Rows rows, Queue& queue);

std::vector<float> to_floats(ConstRows row);

/// Up to `wanted` different row numbers below `num_rows`, drawn from the seed, ascending.
std::vector<std::int64_t> sample_rows(std::uint64_t seed, std::uint64_t item, std::int64_t num_rows,
                                      std::int64_t wanted);

}  // namespace moeperf
