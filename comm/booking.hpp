#pragma once

#include "comm/dispatcher.hpp"

#include <optional>
#include <string>

namespace moeperf {

/// What the bytes of an exchange, added up over the ranks, must lie between: exactly the rows of the dispatcher's rule
/// (comm/row_rule.hpp), and what may belong to them: counts, flags and addresses for each pair of ranks, and experts
/// and weights for each row where the rule has need of them.
struct BookingBounds {
  WireBytes least, most;
};

struct ExchangeBounds {
  BookingBounds dispatch, combine;
};

/// Of this routing (a rank's own tokens), for rows as `context` describes them. Collective, the same on all ranks.
ExchangeBounds booking_bounds(RowRule rule, const Routing& routing, const DispatchContext& context);

/// Which of the bytes lie outside, in words: "dispatch books 0 bytes between nodes, …"; nothing where none do. `booked`
/// are those of all ranks together.
std::optional<std::string> booking_fault(const char* exchange, const WireBytes& booked, const BookingBounds& bounds);

/// Whether what was booked for the last dispatch, the first along its plan, and the last combine, both of this routing,
/// can be: what is wrong, in words, or nothing. `rule` is the dispatcher's, `context` the one that it was made for.
/// Collective, the same on all ranks.
std::optional<std::string> booking_fault(RowRule rule, const Dispatch& dispatch, const Routing& routing,
                                         const DispatchContext& context);

}  // namespace moeperf
