#pragma once

#include "benchmarks/baselines/bare_exchange.hpp"
#include "benchmarks/baselines/memory_copy.hpp"
#include "benchmarks/baselines/plain_alltoall.hpp"
#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"

#include <optional>

namespace moeperf {

/// What dispatch and combine share: tokens, routing, dispatcher, and the baseline of an exchange, which is one
/// bare MPI_Alltoallv of the same rows plus a memory copy of what is packed and one of what is unpacked.
/// Verification sends every row through experts that sign it with their number and back.
class ExchangeBenchmark : public Benchmark {
 public:
  /// Whether plain operations are measured beside the exchange.
  enum class Baselines : std::uint8_t { beside_it, left_out };
  ExchangeBenchmark(Problem& problem, const CaseSpec& spec, BareExchange::Direction direction,
                    Baselines baselines = Baselines::beside_it);

  void prepare() override;
  std::vector<PartInfo> parts() const override;
  WorkModel work(std::size_t part) const override;
  void run(std::size_t part) override;
  void poison() override;
  Verification verify() override;
  void finish(CaseResult& result) override;

 protected:
  /// The timed call.
  virtual void exchange() = 0;
  virtual std::string part_name() const = 0;
  virtual WireBytes wire_bytes() const = 0;
  /// Before verification: completes the round trip that exchange() is one half of.
  virtual void complete_round_trip() = 0;

  /// The whole dispatch: plan and rows.
  void dispatch() {
    exchange_->plan(state_->dispatched());
    received_ = exchange_->dispatch(x_);
  }
  void combine() { exchange_->combine(expert_out_, out_.rows()); }

  /// Puts the experts' signed outputs for what was last received into `expert_out_`.
  void fill_expert_out();

  Problem& problem_;
  CaseSpec spec_;
  BareExchange::Direction direction_;
  Baselines baselines_;
  KernelBackend& backend_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Dispatch> exchange_;
  const SchemeState* state_ = nullptr;
  ConstRows x_;
  ReceivedTokens received_;
  Rows expert_out_;  ///< [N,H] on the experts' side
  RowBuffer out_;    ///< [T,H] after combine

 private:
  /// Makes the dispatcher and goes one round trip, which makes its buffers.
  void set_up();

  RowBuffer own_expert_out_;  ///< where the dispatcher has no space for expert outputs
  std::optional<BareExchange> bare_;
  std::optional<MemoryCopy> pack_, unpack_;
  std::optional<PlainAlltoall> alltoall_;
  double setup_s_ = 0;            ///< of making the dispatcher and its first round trip, on this rank
  std::int64_t setup_bytes_ = 0;  ///< by which this rank's memory grew meanwhile
};

}  // namespace moeperf
