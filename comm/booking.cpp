#include "comm/booking.hpp"

#include "comm/mpi/communicator.hpp"
#include "comm/wire_dispatcher.hpp"

#include <fmt/format.h>

#include <array>

namespace moeperf {
namespace {

constexpr std::int64_t label_bytes = 8;  // an expert and its weight
constexpr std::int64_t pair_bytes = 64;  // flags, headers, addresses

void sum_over_ranks(const Communicator& comm, RowCounts& rows) {
  std::array<std::int64_t, 3> numbers{rows.self, rows.intra, rows.inter};
  MpiReducer(comm).sum(numbers);
  rows = {numbers[0], numbers[1], numbers[2]};
}

WireBytes sum_over_ranks(const Communicator& comm, const WireBytes& own) {
  RowCounts bytes{own.self, own.intra, own.inter};
  sum_over_ranks(comm, bytes);
  return {bytes.self, bytes.intra, bytes.inter};
}

WireBytes bytes_of(const RowCounts& rows, std::int64_t each) {
  return {rows.self * each, rows.intra * each, rows.inter * each};
}

}  // namespace

ExchangeBounds booking_bounds(RowRule rule, const Routing& routing, const DispatchContext& context) {
  const Communicator& comm = *context.comm;
  const DispatchContext carried = carried_context(context);
  const Placement& placement = context.placement;
  const RowCounter counter(placement, comm.node_of_rank());
  const auto slot = static_cast<double>(counter.largest_block(routing, comm.rank()));
  TravellingRows rows = counter.count(rule, routing, comm.rank(), static_cast<std::int64_t>(comm.max(slot)));
  for (RowCounts* counts : {&rows.dispatch, &rows.combine, &rows.labelled}) sum_over_ranks(comm, *counts);

  ExchangeBounds bounds;
  bounds.dispatch.least = bounds.dispatch.most = bytes_of(rows.dispatch, carried.dispatch_format().bytes());
  bounds.combine.least = bounds.combine.most = bytes_of(rows.combine, carried.combine_format().bytes());
  const std::int64_t counts_bytes = 8 * (std::int64_t{placement.num_local(0)} + comm.num_nodes());
  bounds.dispatch.most += bytes_of(counter.pairs(), pair_bytes + counts_bytes);
  bounds.dispatch.most += bytes_of(rows.labelled, routing.top_k * label_bytes);
  bounds.combine.most += bytes_of(counter.pairs(), pair_bytes);
  return bounds;
}

std::optional<std::string> booking_fault(const char* exchange, const WireBytes& booked, const BookingBounds& bounds) {
  const auto outside = [&](const char* where, std::int64_t bytes, std::int64_t least, std::int64_t most) {
    if (bytes >= least && bytes <= most) return std::string();
    return fmt::format("{} books {} bytes {}, the routing makes {} to {} travel", exchange, bytes, where, least, most);
  };
  for (const std::string& fault : {outside("that stay on their rank", booked.self, bounds.least.self, bounds.most.self),
                                   outside("inside nodes", booked.intra, bounds.least.intra, bounds.most.intra),
                                   outside("between nodes", booked.inter, bounds.least.inter, bounds.most.inter)}) {
    if (!fault.empty()) return fault;
  }
  return std::nullopt;
}

std::optional<std::string> booking_fault(RowRule rule, const Dispatch& dispatch, const Routing& routing,
                                         const DispatchContext& context) {
  const ExchangeBounds bounds = booking_bounds(rule, routing, context);
  const WireBytes out = sum_over_ranks(*context.comm, dispatch.dispatch_bytes());
  const WireBytes back = sum_over_ranks(*context.comm, dispatch.combine_bytes());
  auto fault = booking_fault("dispatch", out, bounds.dispatch);
  return fault ? fault : booking_fault("combine", back, bounds.combine);
}

}  // namespace moeperf
