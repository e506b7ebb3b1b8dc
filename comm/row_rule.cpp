#include "comm/row_rule.hpp"

#include <algorithm>
#include <set>

namespace moeperf {

std::string_view name(RowRule rule) {
  switch (rule) {
    case RowRule::copies:
      return "copies";
    case RowRule::padded:
      return "padded";
    case RowRule::ranks:
      return "ranks";
    case RowRule::nodes:
      return "nodes";
    case RowRule::everyone:
      return "everyone";
    case RowRule::gathered:
      break;
  }
  return "gathered";
}

RowCounter::RowCounter(const Placement& placement, std::span<const int> node_of_rank)
    : placement_(placement), node_of_rank_(node_of_rank.begin(), node_of_rank.end()) {
  for (int rank = 0; rank < placement_.num_ranks(); ++rank) {
    const auto node = static_cast<std::size_t>(node_of(rank));
    if (node >= ranks_of_node_.size()) ranks_of_node_.resize(node + 1);
    ranks_of_node_[node].push_back(rank);
  }
}

TravellingRows RowCounter::count(RowRule rule, const Routing& routing, int source, std::int64_t largest_block) const {
  TravellingRows rows;
  if (rule == RowRule::everyone || rule == RowRule::gathered) {
    add_to_all(rows.dispatch, source, routing.num_tokens);
    rows.labelled = rows.combine = rows.dispatch;
    if (rule == RowRule::everyone) return rows;
    rows.combine = {};
    const std::vector<std::int64_t> copies = copies_by_owner(routing);
    for (int owner = 0; owner < placement_.num_ranks(); ++owner) {
      add_to_all(rows.combine, owner, copies[static_cast<std::size_t>(owner)]);
    }
    return rows;
  }
  if (rule == RowRule::padded) {
    add_to_all(rows.dispatch, source, largest_block);
    rows.dispatch.self = copies_by_owner(routing)[static_cast<std::size_t>(source)];
  }
  std::vector<int> owners;
  for (std::int64_t token = 0; token < routing.num_tokens && rule != RowRule::padded; ++token) {
    owners.clear();
    for (std::int64_t copy = token * routing.top_k; copy < (token + 1) * routing.top_k; ++copy) {
      const std::int32_t expert = routing.topk_idx[static_cast<std::size_t>(copy)];
      if (expert >= 0) owners.push_back(placement_.owner(expert));
    }
    if (rule == RowRule::nodes) {
      add_by_node(rows, source, owners);
    } else if (rule == RowRule::ranks) {
      for (const int owner : std::set<int>(owners.begin(), owners.end())) {
        add(rows.dispatch, source, owner);
        add(rows.labelled, source, owner);
      }
    } else {
      for (const int owner : owners) add(rows.dispatch, source, owner);
    }
  }
  rows.combine = rows.dispatch;  // the mirror: the other way over the same links
  return rows;
}

void RowCounter::add_by_node(TravellingRows& rows, int source, std::span<const int> owners) const {
  std::set<int> nodes;
  for (const int owner : owners) {
    nodes.insert(node_of(owner));
    add(rows.dispatch, carrier(source, node_of(owner)), owner);
  }
  for (const int node : nodes) {
    const int carrying = carrier(source, node);
    if (carrying != source) {
      add(rows.dispatch, source, carrying);
      add(rows.labelled, source, carrying);
    }
    for (const int reader : ranks_of_node_[static_cast<std::size_t>(node)]) add(rows.labelled, carrying, reader);
  }
}

std::int64_t RowCounter::largest_block(const Routing& routing, int source) const {
  std::vector<std::int64_t> copies = copies_by_owner(routing);
  copies[static_cast<std::size_t>(source)] = 0;
  return *std::max_element(copies.begin(), copies.end());
}

RowCounts RowCounter::pairs() const {
  RowCounts pairs;
  for (int rank = 0; rank < placement_.num_ranks(); ++rank) add_to_all(pairs, rank, 1);
  pairs.self = 0;
  return pairs;
}

std::vector<std::int64_t> RowCounter::copies_by_owner(const Routing& routing) const {
  std::vector<std::int64_t> copies(static_cast<std::size_t>(placement_.num_ranks()));
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++copies[static_cast<std::size_t>(placement_.owner(expert))];
  }
  return copies;
}

/// The rank of the same place on that node, counted round where it has fewer ranks.
int RowCounter::carrier(int source, int node) const {
  if (node_of(source) == node) return source;
  const std::vector<int>& here = ranks_of_node_[static_cast<std::size_t>(node_of(source))];
  const std::vector<int>& there = ranks_of_node_[static_cast<std::size_t>(node)];
  const auto place = static_cast<std::size_t>(std::find(here.begin(), here.end(), source) - here.begin());
  return there[place % there.size()];
}

void RowCounter::add(RowCounts& rows, int from, int to, std::int64_t number) const {
  (from == to ? rows.self : node_of(from) == node_of(to) ? rows.intra : rows.inter) += number;
}

void RowCounter::add_to_all(RowCounts& rows, int from, std::int64_t number) const {
  const auto near = static_cast<std::int64_t>(ranks_of_node_[static_cast<std::size_t>(node_of(from))].size());
  rows.self += number;
  rows.intra += number * (near - 1);
  rows.inter += number * (placement_.num_ranks() - near);
}

}  // namespace moeperf
