// dispatch: tokens to the ranks of their experts, packing and grouping included.

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/exchange_benchmark.hpp"
#include "benchmarks/inputs/problem.hpp"

namespace moeperf {
namespace {

class DispatchBenchmark final : public ExchangeBenchmark {
 public:
  DispatchBenchmark(Problem& problem, const CaseSpec& spec)
      : ExchangeBenchmark(problem, spec, BareExchange::Direction::dispatch) {}

 private:
  std::string part_name() const override { return "dispatch"; }
  WireBytes wire_bytes() const override { return exchange_->dispatch_bytes(); }
  void exchange() override { dispatch(); }
  void complete_round_trip() override {
    fill_expert_out();
    combine();
  }
};

const BenchmarkRegistration registration({.name = "dispatch",
                                          .summary = "tokens to the ranks of their experts",
                                          .order = 6,
                                          .axes = {scheme_axis, dispatcher_axis, wire_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<DispatchBenchmark>(problem, spec);
                                          },
                                          .needs = {Need::router, Need::tokens, Need::exchange}});

}  // namespace
}  // namespace moeperf
