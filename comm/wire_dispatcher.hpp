#pragma once

#include "comm/forwarding_dispatcher.hpp"
#include "kernels/base/buffer.hpp"
#include "kernels/quantize.hpp"

#include <memory>

namespace moeperf {

/// Element type in which expert outputs go back, and are summed and delivered by the dispatcher that carries them: the
/// wire's own, but that of the model's rows (`dtype`) where fp8 goes out. As DeepSeek-V3 does it: fp8 out, bf16 back.
DType combine_dtype(DType dtype, WireType wire);

/// The context of the dispatcher that carries the rows of `context` as context.wire says.
DispatchContext carried_context(const DispatchContext& context);

/// Any dispatcher with rows that travel as another type than the model's. Tokens are encoded once, before they are
/// copied, and decoded where they arrive; the dispatcher inside carries rows that it need not understand.
///
///   wire  rows  tokens              expert outputs      sums
///   fp8   any   e4m3 with scales    as they are         as without a wire
///   f32   bf16  widened             widened             in f32 (partial ones too), rounded once to bf16
///   bf16  f32   rounded to bf16     rounded to bf16     those of the dispatcher in bf16 (accumulated in f32, rounded to
///                                                       bf16), widened: what a model in bf16 would get
///
/// Cost beside the inner dispatcher's: one pass over the tokens of this rank and one over what arrives; where expert
/// outputs change type, one over the expert outputs and one over the sums. Memory: as many rows again. The bytes booked
/// are the inner dispatcher's, scales included.
class WireDispatcher final : public ForwardingDispatcher {
 public:
  /// `context` is of the model's rows and has a wire; `inner` was made for carried_context(context).
  WireDispatcher(const DispatchContext& context, std::unique_ptr<Dispatcher> inner);

  std::unique_ptr<Dispatch> make_dispatch() override;

 private:
  friend class WireDispatch;

  std::unique_ptr<RowCodec> codec_;
  bool recodes_expert_out_;
  RowBuffer encoded_, decoded_;  // tokens of this rank, tokens received
  RowBuffer expert_out_, sums_;  // as they travel
};

}  // namespace moeperf
