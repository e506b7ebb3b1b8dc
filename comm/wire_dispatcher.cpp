#include "comm/wire_dispatcher.hpp"

#include <utility>

namespace moeperf {

DType combine_dtype(DType dtype, WireType wire) {
  if (wire == WireType::fp8) return dtype;
  return wire == WireType::bf16 ? DType::bf16 : DType::f32;
}

DispatchContext carried_context(const DispatchContext& context) {
  DispatchContext carried = context;
  carried.wire.reset();
  if (!context.wire) return carried;
  carried.dtype = combine_dtype(context.dtype, *context.wire);
  if (*context.wire == WireType::fp8) carried.wire_format = wire_format(context.hidden, WireType::fp8);
  return carried;
}

WireDispatcher::WireDispatcher(const DispatchContext& context, std::unique_ptr<Dispatcher> inner)
    : ForwardingDispatcher(std::move(inner)),
      codec_(context.kernels->make_row_codec(context.wire.value())),
      recodes_expert_out_(combine_dtype(context.dtype, *context.wire) != context.dtype),
      encoded_(0, wire_format(context.hidden, *context.wire), context.kernels->memory()),
      decoded_(0, context.combine_format(), context.kernels->memory()),
      expert_out_(0, carried_context(context).combine_format(), context.kernels->memory()),
      sums_(0, carried_context(context).combine_format(), context.kernels->memory()) {}

/// A handle of the dispatcher inside, encoded and decoded.
class WireDispatch final : public ForwardingDispatch {
 public:
  explicit WireDispatch(WireDispatcher& own) : ForwardingDispatch(own.inner().make_dispatch()), own_(own) {}

  void start_dispatch(ConstRows rows, Overlap overlap) override {
    own_.encoded_.resize(rows.num_rows());
    own_.codec_->encode(rows, own_.encoded_.rows());
    inner().start_dispatch(own_.encoded_.rows(), overlap);
  }

  ReceivedTokens finish_dispatch() override {
    const ReceivedTokens received = inner().finish_dispatch();
    own_.decoded_.resize(received.rows.num_rows());
    own_.codec_->decode(received.rows, own_.decoded_.rows());
    return {own_.decoded_.rows(), received.groups};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap overlap) override {
    inner().start_combine(carried(expert_out), weights, overlap);
  }

  void finish_combine(Rows out) override {
    if (!own_.recodes_expert_out_) return inner().finish_combine(out);
    own_.sums_.resize(out.num_rows());
    inner().finish_combine(own_.sums_.rows());
    own_.codec_->decode(std::as_const(own_.sums_).rows(), out);
  }

  std::optional<Rows> expert_out_space() override {
    return own_.recodes_expert_out_ ? std::nullopt : inner().expert_out_space();
  }

 private:
  /// Expert outputs as the dispatcher inside wants them.
  ConstRows carried(ConstRows expert_out) {
    if (!own_.recodes_expert_out_) return expert_out;
    const auto space = inner().expert_out_space();
    if (!space) own_.expert_out_.resize(expert_out.num_rows());
    const Rows encoded = space ? *space : own_.expert_out_.rows();
    own_.codec_->encode(expert_out, encoded);
    return encoded;
  }

  WireDispatcher& own_;
};

std::unique_ptr<Dispatch> WireDispatcher::make_dispatch() { return std::make_unique<WireDispatch>(*this); }

}  // namespace moeperf
