// chain: round trips, dispatch and combine, back to back with no barrier between, as a pipelined engine runs them, beside
// the same alone.
//
//   round_trip   one after a barrier: each starts on all ranks at once, and waits for the slowest
//   period       one of eight in a row, after two that lead in: a rank that is ready goes on, so that what varies from
//                rank to rank and from time to time evens out
//
// The experts' outputs are those of the first round trip, as if the experts took no time.

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/exchange_benchmark.hpp"
#include "benchmarks/exchange_work.hpp"
#include "benchmarks/inputs/problem.hpp"

namespace moeperf {
namespace {

constexpr std::int64_t in_a_row = 8, leading_in = 2;
enum Part : std::size_t { round_trip, period };

class ChainBenchmark final : public ExchangeBenchmark {
 public:
  ChainBenchmark(Problem& problem, const CaseSpec& spec)
      : ExchangeBenchmark(problem, spec, BareExchange::Direction::dispatch, Baselines::left_out) {}

  std::vector<PartInfo> parts() const override {
    return {{.name = "round_trip"}, {.name = "period", .repetitions = in_a_row}};
  }
  WorkModel work(std::size_t) const override {
    WorkModel work = exchange_work(problem_, state_->routing, exchange_->dispatch_bytes());
    work += exchange_work(problem_, state_->routing, exchange_->combine_bytes());
    return work;
  }
  void lead_in(std::size_t part) override {
    if (part == period) go(leading_in);
  }
  void run(std::size_t part) override {
    go(part == period ? in_a_row : 1);
    backend_.queue().wait();
  }

 private:
  void go(std::int64_t round_trips) {
    for (std::int64_t i = 0; i < round_trips; ++i) {
      dispatch();
      combine();
    }
  }
  std::string part_name() const override { return "round_trip"; }
  WireBytes wire_bytes() const override { return exchange_->dispatch_bytes(); }
  void exchange() override { go(1); }
  /// What the last dispatch of the chain brought, answered anew: its experts' outputs were those of another one.
  void complete_round_trip() override {
    fill_expert_out();
    combine();
    backend_.queue().wait();
  }
};

const BenchmarkRegistration registration({.name = "chain",
                                          .summary = "round trips back to back beside round trips alone",
                                          .order = 8,
                                          .axes = {scheme_axis, dispatcher_axis, wire_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<ChainBenchmark>(problem, spec);
                                          },
                                          .needs = {Need::router, Need::tokens, Need::exchange}});

}  // namespace
}  // namespace moeperf
