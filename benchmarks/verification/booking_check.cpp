#include "benchmarks/verification/booking_check.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "comm/booking.hpp"
#include "kernels/routing_copies.hpp"

namespace moeperf {

void check_booking(Checker& checker, Problem& problem, const CaseSpec& spec, RowRule rule, const Dispatch& exchange,
                   const Routing& routing, Communicator& comm) {
  checker.claim("bytes booked, against the rows that the routing makes travel");
  RoutingOnHost copy;
  const Routing& on_host = copy.of(routing, problem.kernels(kernel_of(spec)).queue());
  checker.holds(booking_fault(rule, exchange, on_host, dispatch_context(problem, spec, comm)));
}

}  // namespace moeperf
