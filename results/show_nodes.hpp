#pragma once

#include "results/report.hpp"

#include <string>

namespace moeperf {

/// The table of nodes kind by kind: "# 512 nodes, node[001-512]:" and what they have in common. A kind is told by what
/// is built in and set up (processor, memory, caches, kernel, limits), not by what passes: load, clock and ranks are
/// given as ranges. A few lines, whatever the number of nodes.
std::string nodes_text(const Table& nodes);

}  // namespace moeperf
