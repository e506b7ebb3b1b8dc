#pragma once

#include "comm/mpi/communicator.hpp"

#include <string_view>

namespace moeperf {

/// Where the two ends of a link are.
enum class PairClass : std::uint8_t { intra, inter };
std::string_view name(PairClass pair_class);

/// Who exchanges with whom when links are measured. Within nodes: neighbours by place, 0 with 1, 2 with 3. Between
/// nodes: the same place on node 0 and node 1, 2 and 3, since ranks with the same place often share a network adapter.
struct LinkPartners {
  int alone = -1;  ///< partner when a single pair of the class is at work; −1: this rank looks on
  int all = -1;    ///< when every rank that has a partner is
};
LinkPartners link_partners(const Communicator& comm, PairClass pair_class);

/// Whether any rank has a partner. Local, the same on all ranks.
bool has_pairs(const Communicator& comm, PairClass pair_class);

}  // namespace moeperf
