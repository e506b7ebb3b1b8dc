#pragma once

#include "benchmarks/verification/checker.hpp"

namespace moeperf {

/// Fills a block of rows so that all bytes of each say which rank it comes from, for which rank it is, and the how
/// manieth of the block it is.
void label_rows(Rows block, int source, int destination);

/// What arrived of such a block, row by row, bit for bit.
void check_labels(Checker& checker, ConstRows block, int source, int destination);

}  // namespace moeperf
