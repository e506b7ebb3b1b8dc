#pragma once

#include "comm/dispatch/row_exchange.hpp"
#include "comm/dispatcher.hpp"

#include <memory>

namespace moeperf {

/// The dispatchers that send a row once per copy, straight to the rank of its expert. They differ in one step, the
/// RowExchange.
///
///   dispatch: sort the copies by expert; exchange the counts (MPI_Alltoall); pack the rows for other ranks;
///             exchange the rows; regroup what arrived by local expert
///   combine:  the mirror: expert outputs back into the order of arrival, exchange, weighted sum
///
/// Rows for the rank itself are never exchanged: they are gathered from x into their group, and from the group into
/// the weighted sum's input. A rank alone exchanges nothing at all.
///
/// Cost beside the rows' exchange, per rank of P: one small MPI_Alltoall (P·ceil(E/P)·8 bytes) for dispatch, none for
/// combine. A token's row goes out once per copy whose expert is elsewhere, K·(P−1)/P times under uniform routing, and
/// comes back as often. Each such row is copied twice per direction, once where the receiver has a single expert.
/// Memory: the copies sent and twice the copies received, in the kernels' memory or where the exchange wants it. Rows
/// in device memory stay there: the kernels' permuter packs and sums them, and the exchange gets them where they are.
std::unique_ptr<Dispatcher> make_flat_dispatcher(const DispatchContext& context, std::unique_ptr<RowExchange> exchange);

}  // namespace moeperf
