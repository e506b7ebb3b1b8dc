#include "comm/staged_dispatcher.hpp"

#include "comm/forwarding_dispatcher.hpp"
#include "kernels/backend.hpp"
#include "kernels/routing_copies.hpp"

#include <utility>

namespace moeperf {
namespace {

bool device_rows(const DispatchContext& context) {
  return context.kernels != nullptr && context.kernels->memory().space() == MemorySpace::device;
}

DispatchContext on_host(DispatchContext context) {
  context.kernels = context.host_kernels;
  return context;
}

/// What the handles share: the exchange on the host, and memory for rows on both sides.
struct Staging {
  Staging(const DispatchContext& context, std::unique_ptr<Dispatcher> on_host, std::string reason)
      : host(std::move(on_host)),
        device(*context.kernels),
        reason(std::move(reason)),
        x(0, context.dispatch_format(), device.staging_memory()),
        received(0, context.dispatch_format(), device.memory()),
        expert_out(0, context.combine_format(), device.staging_memory()),
        out(0, context.combine_format(), device.staging_memory()) {}

  /// Waits: for what the device computes, and for the copy.
  void to_host(ConstRows rows, Rows copy) {
    device.queue().copy(rows, copy);
    device.queue().wait();
  }
  template <class T>
  void to_host(View<const T> list, Array<T>& copy) {
    copy.resize(list.size());
    device.queue().copy(list, copy.view());
    device.queue().wait();
  }

  std::unique_ptr<Dispatcher> host;
  KernelBackend& device;
  std::string reason;    ///< why `host` takes no rows on the device
  RowBuffer x;           ///< on the host
  RowBuffer received;    ///< on the device
  RowBuffer expert_out;  ///< on the host, where `host` has no space for them
  RowBuffer out;         ///< on the host
};

class StagedDispatch final : public ForwardingDispatch {
 public:
  explicit StagedDispatch(Staging& staging)
      : ForwardingDispatch(staging.host->make_dispatch()), staging_(staging), offsets_(staging.device.memory()) {}

  void plan(const Routing& routing) override {
    copy_routing(staging_.device.queue(), routing, routing_);
    staging_.device.queue().wait();
    inner().plan(routing_);
  }

  void start_dispatch(ConstRows rows, Overlap overlap) override {
    staging_.x.resize(rows.num_rows());
    staging_.to_host(rows, staging_.x.rows());
    inner().start_dispatch(staging_.x.rows(), overlap);
  }

  ReceivedTokens finish_dispatch() override {
    const ReceivedTokens tokens = inner().finish_dispatch();
    Queue& queue = staging_.device.queue();
    staging_.received.resize(tokens.rows.num_rows());
    queue.copy(tokens.rows, staging_.received.rows());
    offsets_.resize(tokens.groups.offsets.size());
    queue.copy(tokens.groups.offsets, offsets_.view());
    queue.wait();  // the host's rows may be overwritten from here on
    return {std::as_const(staging_.received).rows(), RowGroups::contiguous(offsets_.view())};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap overlap) override {
    // Into the exchange's own memory where it has such.
    const auto space = inner().expert_out_space();
    if (!space) staging_.expert_out.resize(expert_out.num_rows());
    const Rows staged = space ? *space : staging_.expert_out.rows();
    staging_.to_host(expert_out, staged);
    CombineWeights on_host = weights;
    if (weights.kind == CombineWeights::Kind::given) {
      staging_.to_host(weights.values, given_);
      on_host = CombineWeights::given(given_);
    }
    inner().start_combine(staged, on_host, overlap);
  }

  void finish_combine(Rows out) override {
    staging_.out.resize(out.num_rows());
    inner().finish_combine(staging_.out.rows());
    staging_.device.queue().copy(std::as_const(staging_.out).rows(), out);
    staging_.device.queue().wait();
  }

  std::optional<Rows> expert_out_space() override { return std::nullopt; }  // that inside is the host's

 private:
  Staging& staging_;
  Routing routing_;              ///< on the host
  Array<float> given_;           ///< weights on the host
  Array<std::int64_t> offsets_;  ///< on the device
};

class StagedDispatcher final : public Dispatcher {
 public:
  /// `on_host` exchanges rows in host memory. `reason`: why it takes no others.
  StagedDispatcher(const DispatchContext& context, std::unique_ptr<Dispatcher> on_host, const std::string& reason)
      : staging_(context, std::move(on_host), reason) {}

  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<StagedDispatch>(staging_); }
  CombineOrder combine_order() const override { return staging_.host->combine_order(); }
  RowRule row_rule() const override { return staging_.host->row_rule(); }
  bool can_overlap() const override { return staging_.host->can_overlap(); }
  std::string row_path() const override {
    const bool pinned = &staging_.device.staging_memory() != &host_memory();
    return std::string("device, rows and routing staged through ") + (pinned ? "pinned" : "pageable") +
           " host memory (" + staging_.reason + ")";
  }

 private:
  Staging staging_;
};

}  // namespace

DispatcherRegistry::Entry staged_where_refused(DispatcherRegistry::Entry entry) {
  if (!entry.unsupported_reason || !entry.missing_option.empty()) return entry;
  auto reason_of = std::move(entry.unsupported_reason);
  auto make = std::move(entry.make);
  entry.unsupported_reason = [reason_of](const DispatchContext& context) {
    const auto reason = reason_of(context);
    const bool can_stage = device_rows(context) && context.host_kernels != nullptr;
    return reason && can_stage ? reason_of(on_host(context)) : reason;
  };
  entry.make = [reason_of, make](const DispatchContext& context) -> std::unique_ptr<Dispatcher> {
    const auto reason = device_rows(context) ? reason_of(context) : std::nullopt;
    if (!reason) return make(context);
    return std::make_unique<StagedDispatcher>(context, make(on_host(context)), *reason);
  };
  return entry;
}

}  // namespace moeperf
