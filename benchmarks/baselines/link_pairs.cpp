#include "benchmarks/baselines/link_pairs.hpp"

#include <cstddef>
#include <vector>

namespace moeperf {
namespace {

/// The other end of every rank's link, −1 where it has none.
std::vector<int> partners(const Communicator& comm, PairClass pair_class) {
  std::vector<int> partner(static_cast<std::size_t>(comm.size()), -1);
  const auto join = [&](int a, int b) {
    partner[static_cast<std::size_t>(a)] = b;
    partner[static_cast<std::size_t>(b)] = a;
  };
  for (int node = 0; node < comm.num_nodes(); ++node) {
    const std::vector<int>& ranks = comm.ranks_of_node(node);
    if (pair_class == PairClass::intra) {
      for (std::size_t place = 0; place + 1 < ranks.size(); place += 2) join(ranks[place], ranks[place + 1]);
    } else if (node % 2 == 0 && node + 1 < comm.num_nodes()) {
      const std::vector<int>& others = comm.ranks_of_node(node + 1);
      for (std::size_t place = 0; place < ranks.size() && place < others.size(); ++place) {
        join(ranks[place], others[place]);
      }
    }
  }
  return partner;
}

}  // namespace

std::string_view name(PairClass pair_class) { return pair_class == PairClass::intra ? "intra" : "inter"; }

LinkPartners link_partners(const Communicator& comm, PairClass pair_class) {
  const std::vector<int> partner = partners(comm, pair_class);
  std::size_t first = 0;
  while (first < partner.size() && partner[first] < 0) ++first;
  const auto own = static_cast<std::size_t>(comm.rank());
  LinkPartners result;
  result.all = partner[own];
  if (first < partner.size() && (own == first || partner[own] == static_cast<int>(first))) result.alone = partner[own];
  return result;
}

bool has_pairs(const Communicator& comm, PairClass pair_class) {
  for (const int other : partners(comm, pair_class)) {
    if (other >= 0) return true;
  }
  return false;
}

}  // namespace moeperf
