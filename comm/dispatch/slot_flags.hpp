#pragma once

#include "comm/dispatch/row_exchange.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/node_memory.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// How the ranks of mpi-low-latency tell each other that rows are there: in every exchange each rank raises one flag at
/// each other rank, with a few words beside it. On a node a flag is a number in shared memory, stored after the words
/// and rows that it stands for (release) and polled (acquire). Between nodes it is a message, since MPI promises
/// neither that a word put is seen whole nor that two puts arrive in order.
///
/// A flag's place is used again two exchanges later, so nobody may raise the flag of exchange i + 2 before the receiver
/// has finished exchange i of the same way; who waits for all flags of each exchange keeps to that.
class SlotFlags {
 public:
  using Way = RowExchange::Way;

  /// Collective. `num_words` accompany a flag on the way out, none on the way back.
  SlotFlags(const Communicator& comm, std::int64_t num_words);

  /// Of the node's memory, for such flags.
  static std::int64_t memory_bytes(const Communicator& comm, std::int64_t num_words);

  /// A new exchange of `way`; the one before must have been waited for. Local.
  void begin(Way way);
  /// Tells `rank` that what this rank wrote for it in this exchange is there. Local.
  void raise(int rank, std::span<const std::int32_t> words);
  /// Whether all flags of this exchange have been raised here. Local, does not wait.
  bool arrived();
  /// Returns when they have. Gives way to other processes meanwhile.
  void wait();
  /// That came with the flag of `source`'s last exchange out.
  std::span<const std::int32_t> words(int source) const;

  /// Exchanges alternate between two places.
  int parity(Way way) const { return static_cast<int>(number_[static_cast<std::size_t>(way)] & 1); }
  /// Bytes of a flag to another rank.
  std::int64_t flag_bytes(Way way, bool same_node) const;

 private:
  static constexpr int tag = 5;  // and 6, by Way

  std::int64_t num_words(Way way) const { return way == Way::out ? num_words_ : 0; }
  int message_tag() const { return tag + static_cast<int>(way_); }
  std::uint64_t number() const { return number_[static_cast<std::size_t>(way_)]; }
  bool on_node(int rank) const { return place_on_node_[static_cast<std::size_t>(rank)] >= 0; }
  std::byte* flag(Way way, int destination_place, int source_place) const;
  std::atomic_ref<std::uint64_t> number_at(std::byte* flag) const;

  const Communicator& comm_;
  std::int64_t num_words_;
  std::int64_t stride_;                     ///< bytes of a flag with its words in shared memory
  std::vector<int> place_on_node_;          ///< [P]; −1: on another node
  NodeMemory memory_;                       ///< flags [way, parity, destination on node, source on node]
  Way way_ = Way::out;                      ///< of the present exchange
  std::array<std::uint64_t, 2> number_{};   ///< of the last exchange, by Way
  std::vector<int> missing_;                ///< ranks on the node whose flags have not been seen
  std::vector<std::int32_t> words_, told_;  ///< [P, words]: received from and sent to other nodes
  std::vector<MPI_Request> requests_;
};

}  // namespace moeperf
