#pragma once

#include "benchmarks/suite/problem.hpp"
#include "results/model.hpp"

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

/// Fills rows with NaN of an unusual payload, which no correct run leaves behind.
void poison(Rows rows);

/// Tolerance of an expert's answer, relative as in Checker::close: rounding of the inner activation and of
/// the result to `dtype`, plus f32 accumulation over the depth of the two products.
double expert_tolerance(const ExpertShape& shape);

/// Answers of single tokens by the plain reference kernels, weights drawn afresh.
class ReferenceExperts {
 public:
  explicit ReferenceExperts(Problem& problem);
  /// One row [H] through a routed expert, or through the shared ones: f32 values of the rounded result.
  std::vector<float> routed(std::int32_t expert, ConstRows row);
  std::vector<float> shared(ConstRows row);

 private:
  std::vector<float> answer(const ExpertShape& shape, std::int32_t weights_id, ConstRows row);

  Problem& problem_;
  std::unique_ptr<KernelBackend> reference_;
};

std::vector<float> to_floats(ConstRows row);

/// Up to `wanted` different row numbers below `num_rows`, drawn from the seed, ascending.
std::vector<std::int64_t> sample_rows(std::uint64_t seed, std::uint64_t item, std::int64_t num_rows,
                                      std::int64_t wanted);

/// What stands in for an expert when an exchange is verified: the row itself with its first two elements
/// replaced by the expert's number (as quotient and remainder by 128, exact in bf16), so that a row which
/// reached the wrong expert shows. out may be in.
void sign_row(Rows rows, std::int64_t row, std::int32_t expert);

}  // namespace moeperf
