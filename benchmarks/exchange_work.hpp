#pragma once

#include "benchmarks/inputs/problem.hpp"
#include "comm/dispatcher.hpp"
#include "results/report.hpp"

namespace moeperf {

/// Logical, useful and wire bytes of an exchange of this rank's rows: the wire bytes as they travelled, the others of
/// the model's own rows.
WorkModel exchange_work(const Problem& problem, const Routing& routing, const WireBytes& wire);

}  // namespace moeperf
