#pragma once

#include "comm/dispatcher.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace moeperf::test {

/// A dispatcher with one handle that is planned anew for every dispatch: what tests of whole round trips go by.
class SingleExchange {
 public:
  explicit SingleExchange(std::unique_ptr<Dispatcher> dispatcher)
      : dispatcher_(std::move(dispatcher)), handle_(dispatcher_->make_dispatch()) {}

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) {
    handle_->plan(routing);
    return handle_->dispatch(x);
  }
  void start_dispatch(ConstRows x, const Routing& routing) {
    handle_->plan(routing);
    handle_->start_dispatch(x);
  }
  ReceivedTokens finish_dispatch() { return handle_->finish_dispatch(); }
  void combine(ConstRows expert_out, Rows out, const CombineWeights& weights = {}) {
    handle_->combine(expert_out, out, weights);
  }
  void start_combine(ConstRows expert_out) { handle_->start_combine(expert_out); }
  void finish_combine(Rows out) { handle_->finish_combine(out); }
  void progress() { handle_->progress(); }
  std::optional<Rows> expert_out_space() { return handle_->expert_out_space(); }

  CombineOrder combine_order() const { return dispatcher_->combine_order(); }
  RowRule row_rule() const { return dispatcher_->row_rule(); }
  bool can_overlap() const { return dispatcher_->can_overlap(); }
  WireBytes dispatch_bytes() const { return handle_->dispatch_bytes(); }
  WireBytes combine_bytes() const { return handle_->combine_bytes(); }

  Dispatcher& dispatcher() { return *dispatcher_; }
  Dispatch& handle() { return *handle_; }

 private:
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Dispatch> handle_;
};

}  // namespace moeperf::test
