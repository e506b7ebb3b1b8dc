// combine: the experts' outputs back to their tokens, as weighted sums.

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/exchange_benchmark.hpp"
#include "benchmarks/inputs/problem.hpp"

namespace moeperf {
namespace {

class CombineBenchmark final : public ExchangeBenchmark {
 public:
  CombineBenchmark(Problem& problem, const CaseSpec& spec)
      : ExchangeBenchmark(problem, spec, BareExchange::Direction::combine) {}

 private:
  std::string part_name() const override { return "combine"; }
  WireBytes wire_bytes() const override { return exchange_->combine_bytes(); }
  void exchange() override { combine(); }
  void complete_round_trip() override {}  // prepare() dispatched and answered
};

const BenchmarkRegistration registration({.name = "combine",
                                          .summary = "the experts' outputs back to their tokens",
                                          .order = 7,
                                          .axes = {scheme_axis, dispatcher_axis, wire_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<CombineBenchmark>(problem, spec);
                                          },
                                          .needs = {Need::router, Need::tokens, Need::exchange}});

}  // namespace
}  // namespace moeperf
