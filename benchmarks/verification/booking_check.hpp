#pragma once

#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/verification/checker.hpp"

namespace moeperf {

/// A claim of `checker`: that the bytes that an exchange of a case's dispatcher, whose rule that is, booked for its
/// last round trip, along `routing`, are those that the routing makes travel (comm/booking.hpp). Collective over
/// `comm`, the dispatcher's.
void check_booking(Checker& checker, Problem& problem, const CaseSpec& spec, RowRule rule, const Dispatch& exchange,
                   const Routing& routing, Communicator& comm);

}  // namespace moeperf
