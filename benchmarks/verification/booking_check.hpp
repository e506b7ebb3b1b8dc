#pragma once

#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/verification/checker.hpp"

namespace moeperf {

/// A claim of `checker`: that the bytes that a case's dispatcher booked for its last round trip, of `routing`, are
/// those that the routing makes travel (comm/booking.hpp). Collective over `comm`, the dispatcher's.
void check_booking(Checker& checker, Problem& problem, const CaseSpec& spec, const Dispatcher& dispatcher,
                   const Routing& routing, Communicator& comm);

}  // namespace moeperf
