#pragma once

#include "comm/dispatcher.hpp"

#include <memory>
#include <string>
#include <utility>

namespace moeperf {

/// A handle that is another one, but for what a decorator overrides.
class ForwardingDispatch : public Dispatch {
 public:
  explicit ForwardingDispatch(std::unique_ptr<Dispatch> inner) : inner_(std::move(inner)) {}

  void plan(const Routing& routing) override { inner_->plan(routing); }
  void start_dispatch(ConstRows rows, Overlap overlap) override { inner_->start_dispatch(rows, overlap); }
  ReceivedTokens finish_dispatch() override { return inner_->finish_dispatch(); }
  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap overlap) override {
    inner_->start_combine(expert_out, weights, overlap);
  }
  void finish_combine(Rows out) override { inner_->finish_combine(out); }
  void progress() override { inner_->progress(); }
  std::optional<Rows> expert_out_space() override { return inner_->expert_out_space(); }
  WireBytes dispatch_bytes() const override { return inner_->dispatch_bytes(); }
  WireBytes combine_bytes() const override { return inner_->combine_bytes(); }

 protected:
  Dispatch& inner() { return *inner_; }

 private:
  std::unique_ptr<Dispatch> inner_;
};

/// A dispatcher that is another one, but for what a decorator overrides; its handles are the decorator's to make.
class ForwardingDispatcher : public Dispatcher {
 public:
  explicit ForwardingDispatcher(std::unique_ptr<Dispatcher> inner) : inner_(std::move(inner)) {}

  CombineOrder combine_order() const override { return inner_->combine_order(); }
  RowRule row_rule() const override { return inner_->row_rule(); }
  std::string row_path() const override { return inner_->row_path(); }
  bool can_overlap() const override { return inner_->can_overlap(); }

 protected:
  Dispatcher& inner() { return *inner_; }

 private:
  std::unique_ptr<Dispatcher> inner_;
};

}  // namespace moeperf
