#include "benchmarks/verification/booking_check.hpp"

#include "comm/booking.hpp"

namespace moeperf {

void check_booking(Checker& checker, Problem& problem, const CaseSpec& spec, const Dispatcher& dispatcher,
                   const Routing& routing, Communicator& comm) {
  checker.claim("bytes booked, against the rows that the routing makes travel");
  checker.holds(booking_fault(dispatcher, routing, dispatch_context(problem, spec, comm)));
}

}  // namespace moeperf
