#include "comm/dispatch/slot_flags.hpp"

#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

namespace moeperf {
namespace {

/// Flags lie in cache lines of their own.
std::int64_t whole_lines(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

constexpr std::int64_t number_bytes = sizeof(std::uint64_t);

/// Of a flag with its words in shared memory.
std::int64_t flag_stride(std::int64_t num_words) {
  return whole_lines(number_bytes + num_words * std::int64_t{sizeof(std::int32_t)});
}

}  // namespace

std::int64_t SlotFlags::memory_bytes(const Communicator& comm, std::int64_t num_words) {
  const std::int64_t num_ranks = comm.ranks_on_node();
  return 4 * num_ranks * num_ranks * flag_stride(num_words);  // two ways, two parities
}

SlotFlags::SlotFlags(const Communicator& comm, std::int64_t num_words)
    : comm_(comm),
      num_words_(num_words),
      stride_(flag_stride(num_words)),
      place_on_node_(static_cast<std::size_t>(comm.size()), -1),
      memory_(comm),
      words_(static_cast<std::size_t>(comm.size() * num_words)),
      told_(words_.size()) {
  int place = 0;
  for (const int rank : comm.ranks_of_node(comm.node())) place_on_node_[static_cast<std::size_t>(rank)] = place++;
  if (comm.size() == 1) return;
  memory_.reserve(memory_bytes(comm, num_words));
  for (const Way way : {Way::out, Way::back}) {
    for (int parity = 0; parity < 2; ++parity) {
      ++number_[static_cast<std::size_t>(way)];
      for (int source = 0; source < place; ++source) number_at(flag(way, comm.rank_on_node(), source)).store(0);
    }
    number_[static_cast<std::size_t>(way)] = 0;
  }
  memory_.fence();
}

void SlotFlags::begin(Way way) {
  way_ = way;
  ++number_[static_cast<std::size_t>(way)];
  const int count = mpi_count(num_words(way), "words");
  for (int rank = 0; rank < comm_.size(); ++rank) {
    if (rank == comm_.rank()) continue;
    if (on_node(rank)) {
      missing_.push_back(rank);
      continue;
    }
    mpi_check(MPI_Irecv(words_.data() + rank * num_words_, count, MPI_INT32_T, rank, message_tag(), comm_.get(),
                        &requests_.emplace_back()),
              "MPI_Irecv");
  }
}

void SlotFlags::raise(int rank, std::span<const std::int32_t> words) {
  if (on_node(rank)) {
    std::byte* place = flag(way_, place_on_node_[static_cast<std::size_t>(rank)], comm_.rank_on_node());
    if (!words.empty()) std::memcpy(place + number_bytes, words.data(), words.size_bytes());
    number_at(place).store(number(), std::memory_order_release);
    return;
  }
  std::int32_t* told = told_.data() + rank * num_words_;
  std::copy(words.begin(), words.end(), told);
  mpi_check(MPI_Isend(told, mpi_count(words.size(), "words"), MPI_INT32_T, rank, message_tag(), comm_.get(),
                      &requests_.emplace_back()),
            "MPI_Isend");
}

bool SlotFlags::arrived() {
  const auto is_raised = [&](int rank) {
    std::byte* place = flag(way_, comm_.rank_on_node(), place_on_node_[static_cast<std::size_t>(rank)]);
    return number_at(place).load(std::memory_order_acquire) == number();
  };
  missing_.erase(std::remove_if(missing_.begin(), missing_.end(), is_raised), missing_.end());
  int done = 1;
  if (!requests_.empty()) {
    mpi_check(MPI_Testall(mpi_count(requests_.size(), "messages"), requests_.data(), &done, MPI_STATUSES_IGNORE),
              "MPI_Testall");
    if (done != 0) requests_.clear();
  }
  return missing_.empty() && done != 0;
}

void SlotFlags::wait() {
  constexpr int polls_before_yield = 200;  // some ten microseconds
  for (int polls = 1; !arrived(); ++polls) {
    if (polls < polls_before_yield) continue;
    // Others may need this processor, or this rank's part in what the library still does for them.
    int found = 0;
    mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, message_tag(), comm_.get(), &found, MPI_STATUS_IGNORE), "MPI_Iprobe");
    std::this_thread::yield();
  }
}

std::span<const std::int32_t> SlotFlags::words(int source) const {
  const auto count = static_cast<std::size_t>(num_words_);
  if (!on_node(source)) return std::span(words_).subspan(static_cast<std::size_t>(source) * count, count);
  const std::byte* place = flag(Way::out, comm_.rank_on_node(), place_on_node_[static_cast<std::size_t>(source)]);
  return {reinterpret_cast<const std::int32_t*>(place + number_bytes), count};
}

std::int64_t SlotFlags::flag_bytes(Way way, bool same_node) const {
  return (same_node ? number_bytes : 0) + num_words(way) * std::int64_t{sizeof(std::int32_t)};
}

std::byte* SlotFlags::flag(Way way, int destination_place, int source_place) const {
  const std::int64_t num_ranks = comm_.ranks_on_node();
  const std::int64_t use = 2 * static_cast<int>(way) + parity(way);
  return memory_.data() + ((use * num_ranks + destination_place) * num_ranks + source_place) * stride_;
}

std::atomic_ref<std::uint64_t> SlotFlags::number_at(std::byte* flag) const {
  return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(flag));
}

}  // namespace moeperf
