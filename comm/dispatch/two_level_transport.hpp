#pragma once

#include "comm/dispatch/node_blocks.hpp"
#include "comm/dispatch/rails.hpp"
#include "comm/dispatch/transport.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/node_memory.hpp"
#include "comm/mpi/row_type.hpp"
#include "kernels/base/error.hpp"

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace moeperf {

/// What all handles of mpi-two-level share: the node's memory, which holds the rows, choices and expert outputs of one
/// exchange at a time, and the messages under way.
class TwoLevelTransport : public Transport {
 public:
  explicit TwoLevelTransport(const DispatchContext& context)
      : Transport(context),
        rails(comm, placement),
        out_type(out.bytes()),
        back_type(back.bytes()),
        choices_type(choices_bytes(1)),
        weights_type(weights_bytes(1)),
        rows(comm),
        choices(comm),
        expert_out(comm),
        progress_(comm),
        rooms_(static_cast<std::size_t>(comm.num_nodes())) {
    progress_.reserve(comm.ranks_on_node() * progress_stride);
    progress_of(comm.rank_on_node()).store(0);
    progress_.fence();
  }

  // Choices of `rows` rows of a block: K experts of each, then K weights of each.
  std::int64_t choices_bytes(std::int64_t num_rows) const { return num_rows * top_k * 8; }
  std::int64_t weights_bytes(std::int64_t num_rows) const { return num_rows * top_k * 4; }

  /// Every rank knows what every node's memory must hold, and so whether any of it grows: only then all ask whether
  /// there is room, before any node allocates. Throws UnsupportedError on all ranks. Collective.
  void make_room(const NodeBlocks& blocks) {
    bool any_grows = false;
    std::int64_t fresh = 0;
    for (int node = 0; node < comm.num_nodes(); ++node) {
      const std::int64_t num_rows = blocks.rows_on(node);
      const std::array needed{num_rows * out.bytes(), choices_bytes(num_rows), blocks.copies_on(node) * back.bytes()};
      for (std::size_t i = 0; i < needed.size(); ++i) {
        std::int64_t& room = rooms_[static_cast<std::size_t>(node)][i];
        const std::int64_t after = NodeMemory::room_after(room, needed[i]);
        if (after == room) continue;
        any_grows = true;
        if (node == comm.node()) fresh += after;
        room = after;
      }
    }
    if (!any_grows) return;
    if (const auto reason = why_no_room(comm, NodeMemory::share(comm, fresh))) {
      throw UnsupportedError("mpi-two-level: " + *reason);
    }
    const auto& [rows_room, choices_room, expert_out_room] = rooms_[static_cast<std::size_t>(comm.node())];
    rows.reserve(rows_room);
    choices.reserve(choices_room);
    expert_out.reserve(expert_out_room);
  }

  // Who may write into the node's memory: nobody before the others have read what it held. The counts that all ranks
  // gather for a plan tell that of every exchange before; without a plan since the last dispatch the node's ranks meet.
  // Combines of which a rank has read all expert outputs are counted as the node's ranks see it: one that is repeated,
  // with expert outputs from elsewhere, must not overwrite what a slower rank still reads for the one before.

  void all_have_met() { has_met_ = true; }
  void meet_before_writing() {
    if (!std::exchange(has_met_, false)) rows.fence();
  }
  void read_all_expert_out() { progress_of(comm.rank_on_node()).fetch_add(1, std::memory_order_release); }
  void end_combine() { ++num_combines_; }
  void wait_for_readers() const {
    for (int place = 0; place < comm.ranks_on_node(); ++place) {
      while (progress_of(place).load(std::memory_order_acquire) < num_combines_) std::this_thread::yield();
    }
  }

  void receive(Rows to, int source, int tag, const RowType& type) {
    if (to.num_rows() == 0) return;
    mpi_check(MPI_Irecv(to.data(), mpi_count(to.num_rows(), "rows"), type.get(), source, tag, comm.get(),
                        &requests_.emplace_back()),
              "MPI_Irecv");
  }
  void send(ConstRows from, int destination, int tag, const RowType& type) {
    if (from.num_rows() == 0) return;
    mpi_check(MPI_Isend(from.data(), mpi_count(from.num_rows(), "rows"), type.get(), destination, tag, comm.get(),
                        &requests_.emplace_back()),
              "MPI_Isend");
  }
  void wait() {
    mpi_check(MPI_Waitall(mpi_count(requests_.size(), "messages"), requests_.data(), MPI_STATUSES_IGNORE),
              "MPI_Waitall");
    requests_.clear();
  }
  void progress() {
    if (requests_.empty()) return;
    int done = 0;
    mpi_check(MPI_Testall(mpi_count(requests_.size(), "messages"), requests_.data(), &done, MPI_STATUSES_IGNORE),
              "MPI_Testall");
    if (done != 0) requests_.clear();
  }

  Rails rails;
  RowType out_type, back_type, choices_type, weights_type;
  NodeMemory rows, choices, expert_out;  // shared by the node's ranks
  Buffer packed, packed_choices;         // for other nodes, in packing order
  Buffer grouped;                        // received rows
  Buffer sums;                           // of carried rows, by source
  Buffer returned;                       // partial sums of own rows, in packing order
  std::vector<float> ones;

 private:
  static constexpr std::int64_t progress_stride = 64;  // a cache line for each rank

  std::atomic_ref<std::int64_t> progress_of(int place) const {
    return std::atomic_ref(*reinterpret_cast<std::int64_t*>(progress_.data() + place * progress_stride));
  }

  NodeMemory progress_;                             // [ranks on the node], combines read
  std::vector<std::array<std::int64_t, 3>> rooms_;  // [nodes]: bytes for rows, choices, expert outputs
  std::int64_t num_combines_ = 0;
  bool has_met_ = false;
  std::vector<MPI_Request> requests_;
};

}  // namespace moeperf
