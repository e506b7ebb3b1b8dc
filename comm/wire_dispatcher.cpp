#include "comm/wire_dispatcher.hpp"

#include <cassert>
#include <utility>

namespace moeperf {

DType answer_type(DType dtype, WireType wire) {
  if (wire == WireType::fp8) return dtype;
  return wire == WireType::bf16 ? DType::bf16 : DType::f32;
}

DispatchContext carried_context(const DispatchContext& context) {
  DispatchContext carried = context;
  carried.wire.reset();
  if (!context.wire) return carried;
  carried.dtype = answer_type(context.dtype, *context.wire);
  if (*context.wire == WireType::fp8) carried.wire_format = wire_format(context.hidden, WireType::fp8);
  return carried;
}

WireDispatcher::WireDispatcher(const DispatchContext& context, std::unique_ptr<Dispatcher> inner)
    : inner_(std::move(inner)),
      codec_(context.kernels->make_row_codec(context.wire.value())),
      recodes_answers_(answer_type(context.dtype, *context.wire) != context.dtype),
      encoded_(0, wire_format(context.hidden, *context.wire), context.kernels->memory()),
      decoded_(0, context.combine_format(), context.kernels->memory()),
      answers_(0, carried_context(context).combine_format(), context.kernels->memory()),
      sums_(0, carried_context(context).combine_format(), context.kernels->memory()) {}

ReceivedTokens WireDispatcher::dispatch(ConstRows x, const Routing& routing) {
  return decoded(inner_->dispatch(encoded(x), routing));
}

void WireDispatcher::combine(ConstRows expert_out, Rows out) {
  inner_->combine(carried_answers(expert_out), carried_sums(out));
  deliver(out);
}

std::optional<Rows> WireDispatcher::answer_space() { return recodes_answers_ ? std::nullopt : inner_->answer_space(); }

void WireDispatcher::start_dispatch(ConstRows x, const Routing& routing) {
  inner_->start_dispatch(encoded(x), routing);
}

ReceivedTokens WireDispatcher::finish_dispatch() { return decoded(inner_->finish_dispatch()); }

void WireDispatcher::start_combine(ConstRows expert_out) { inner_->start_combine(carried_answers(expert_out)); }

void WireDispatcher::finish_combine(Rows out) {
  inner_->finish_combine(carried_sums(out));
  deliver(out);
}

ConstRows WireDispatcher::encoded(ConstRows x) {
  encoded_.resize(x.num_rows());
  codec_->encode(x, encoded_.rows());
  return encoded_.rows();
}

ReceivedTokens WireDispatcher::decoded(const ReceivedTokens& received) {
  decoded_.resize(received.rows.num_rows());
  codec_->decode(received.rows, decoded_.rows());
  return {decoded_.rows(), received.offsets};
}

ConstRows WireDispatcher::carried_answers(ConstRows expert_out) {
  if (!recodes_answers_) return expert_out;
  const auto space = inner_->answer_space();
  if (!space) answers_.resize(expert_out.num_rows());
  const Rows answers = space ? *space : answers_.rows();
  codec_->encode(expert_out, answers);
  return answers;
}

Rows WireDispatcher::carried_sums(Rows out) {
  if (!recodes_answers_) return out;
  sums_.resize(out.num_rows());
  return sums_.rows();
}

void WireDispatcher::deliver(Rows out) {
  if (recodes_answers_) codec_->decode(sums_.rows(), out);
}

}  // namespace moeperf
