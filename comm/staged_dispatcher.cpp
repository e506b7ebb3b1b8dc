#include "comm/staged_dispatcher.hpp"

#include <utility>

namespace moeperf {
namespace {

bool device_rows(const DispatchContext& context) {
  return context.kernels != nullptr && context.kernels->memory().space() == MemorySpace::device;
}

DispatchContext on_host(DispatchContext context) {
  context.kernels = &host_kernels();
  return context;
}

class StagedDispatcher final : public Dispatcher {
 public:
  /// `on_host` exchanges rows in host memory. `reason`: why it takes no others.
  StagedDispatcher(const DispatchContext& context, std::unique_ptr<Dispatcher> on_host, const std::string& reason)
      : host_(std::move(on_host)),
        device_(*context.kernels),
        reason_(reason),
        x_(0, context.dispatch_format(), device_.staging_memory()),
        received_(0, context.dispatch_format(), device_.memory()),
        answers_(0, context.combine_format(), device_.staging_memory()),
        out_(0, context.combine_format(), device_.staging_memory()) {}

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    return to_device(host_->dispatch(to_host(x, x_), routing));
  }

  void combine(ConstRows expert_out, Rows out) override {
    out_.resize(out.num_rows());
    host_->combine(answers_to_host(expert_out), out_.rows());
    to_device(out);
  }

  bool can_split() const override { return host_->can_split(); }

  void start_dispatch(ConstRows x, const Routing& routing) override { host_->start_dispatch(to_host(x, x_), routing); }
  ReceivedTokens finish_dispatch() override { return to_device(host_->finish_dispatch()); }
  void start_combine(ConstRows expert_out) override { host_->start_combine(answers_to_host(expert_out)); }

  void finish_combine(Rows out) override {
    out_.resize(out.num_rows());
    host_->finish_combine(out_.rows());
    to_device(out);
  }

  void progress() override { host_->progress(); }

  CombineOrder combine_order() const override { return host_->combine_order(); }
  RowRule row_rule() const override { return host_->row_rule(); }
  WireBytes dispatch_bytes() const override { return host_->dispatch_bytes(); }
  WireBytes combine_bytes() const override { return host_->combine_bytes(); }

  std::string row_path() const override {
    const bool pinned = &device_.staging_memory() != &host_memory();
    return std::string("device, staged through ") + (pinned ? "pinned" : "pageable") + " host memory (" + reason_ + ")";
  }

 private:
  ConstRows to_host(ConstRows rows, RowBuffer& copy) {
    copy.resize(rows.num_rows());
    return to_host(rows, copy.rows());
  }

  ConstRows to_host(ConstRows rows, Rows copy) {
    device_.queue().copy(rows, copy);
    device_.queue().wait();
    return copy;
  }

  /// Into the exchange's own memory where it has such.
  ConstRows answers_to_host(ConstRows expert_out) {
    if (const auto space = host_->answer_space()) return to_host(expert_out, *space);
    return to_host(expert_out, answers_);
  }

  ReceivedTokens to_device(const ReceivedTokens& tokens) {
    received_.resize(tokens.rows.num_rows());
    device_.queue().copy(tokens.rows, received_.rows());
    device_.queue().wait();
    return {std::as_const(received_).rows(), tokens.offsets};
  }

  void to_device(Rows out) {
    device_.queue().copy(std::as_const(out_).rows(), out);
    device_.queue().wait();
  }

  std::unique_ptr<Dispatcher> host_;
  KernelBackend& device_;
  std::string reason_;
  RowBuffer x_;         ///< on the host
  RowBuffer received_;  ///< on the device
  RowBuffer answers_;   ///< on the host, where host_ has no space for them
  RowBuffer out_;       ///< on the host
};

}  // namespace

DispatcherRegistry::Entry staged_where_refused(DispatcherRegistry::Entry entry) {
  if (!entry.unsupported_reason || !entry.missing_option.empty()) return entry;
  auto reason_of = std::move(entry.unsupported_reason);
  auto make = std::move(entry.make);
  entry.unsupported_reason = [reason_of](const DispatchContext& context) {
    const auto reason = reason_of(context);
    return reason && device_rows(context) ? reason_of(on_host(context)) : reason;
  };
  entry.make = [reason_of, make](const DispatchContext& context) -> std::unique_ptr<Dispatcher> {
    const auto reason = device_rows(context) ? reason_of(context) : std::nullopt;
    if (!reason) return make(context);
    return std::make_unique<StagedDispatcher>(context, make(on_host(context)), *reason);
  };
  return entry;
}

}  // namespace moeperf
