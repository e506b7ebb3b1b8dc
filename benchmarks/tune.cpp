// tune: which dispatcher is fastest for this workload on these nodes. Each part is one dispatcher's round trip,
// dispatch and combine with nothing between them; a sample takes all dispatchers in turn, so that what disturbs the
// machine disturbs them alike. Runs only where it is named.

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/exchange_benchmark.hpp"
#include "benchmarks/inputs/problem.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

/// Dispatch and combine of one dispatcher, without baselines beside it.
class RoundTrip final : public ExchangeBenchmark {
 public:
  RoundTrip(Problem& problem, const CaseSpec& spec)
      : ExchangeBenchmark(problem, spec, BareExchange::Direction::dispatch, Baselines::left_out) {}

 private:
  std::string part_name() const override { return dispatcher_of(spec_); }
  WireBytes wire_bytes() const override {
    WireBytes wire = exchange_->dispatch_bytes();
    wire += exchange_->combine_bytes();
    return wire;
  }
  void exchange() override {
    dispatch();
    combine();
  }
  void complete_round_trip() override {
    fill_expert_out();
    combine();
  }
};

class TuneBenchmark final : public Benchmark {
 public:
  TuneBenchmark(Problem& problem, const CaseSpec& spec) : problem_(problem), spec_(spec) {}

  void prepare() override {
    for (const auto& [name, reason] : dispatchers_to_tune(problem_, spec_)) {
      if (!reason.empty()) {
        leave_out(name, reason);
        continue;
      }
      auto round_trip = std::make_unique<RoundTrip>(problem_, spec_.with(dispatcher_axis, name));
      std::string obstacle;  // that shows only when its buffers are made, such as too little shared memory
      try {
        round_trip->prepare();
      } catch (const UnsupportedError& error) {
        obstacle = error.what();
      }
      if (const auto first = problem_.comm().first_reason(obstacle)) {
        leave_out(name, *first);
      } else {
        round_trips_.push_back(std::move(round_trip));
      }
    }
    if (round_trips_.empty()) throw UnsupportedError("no dispatcher to choose from: " + left_out_);
  }

  std::vector<PartInfo> parts() const override {
    std::vector<PartInfo> infos;
    for (const auto& round_trip : round_trips_) infos.push_back(round_trip->parts().front());
    return infos;
  }

  WorkModel work(std::size_t part) const override { return round_trips_[part]->work(0); }

  void run(std::size_t part) override { round_trips_[part]->run(0); }

  void poison() override {
    for (const auto& round_trip : round_trips_) round_trip->poison();
  }

  Verification verify() override {
    Verification total;
    total.performed = total.passed = true;
    for (const auto& round_trip : round_trips_) {
      const Verification one = round_trip->verify();
      total.passed = total.passed && one.passed;
      total.wrong += one.wrong;
      total.checked += one.checked;
      total.scope = one.scope;
      total.failed.insert(total.failed.end(), one.failed.begin(), one.failed.end());
    }
    return total;
  }

  void finish(CaseResult& result) override {
    if (!left_out_.empty()) result.notes["left_out"] = left_out_;
    if (!left_out_though_named_.empty()) result.notes["left_out_though_named"] = left_out_though_named_;
  }

 private:
  void leave_out(const std::string& name, const std::string& reason) {
    add(left_out_, name, reason);
    if (problem_.run_settings().names(dispatcher_axis, name)) add(left_out_though_named_, name, reason);
  }
  static void add(std::string& list, const std::string& name, const std::string& reason) {
    list += fmt::format("{}{}: {}", list.empty() ? "" : "; ", name, reason);
  }

  Problem& problem_;
  CaseSpec spec_;
  std::vector<std::unique_ptr<RoundTrip>> round_trips_;
  std::string left_out_, left_out_though_named_;
};

const BenchmarkRegistration registration({.name = "tune",
                                          .summary = "round trips of all dispatchers in turn: which is fastest here",
                                          .order = 9,
                                          .axes = {scheme_axis, wire_axis},
                                          .takes = {dispatcher_axis},
                                          .make = [](Problem& problem,
                                                     const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<TuneBenchmark>(problem, spec);
                                          },
                                          .only_by_name = true,
                                          .needs = {Need::router, Need::tokens, Need::exchange}});

}  // namespace
}  // namespace moeperf
