#include "comm/mpi/window_probe.hpp"

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/kept_reason.hpp"
#include "comm/mpi/window.hpp"

#include <fmt/format.h>

#include <set>
#include <vector>

namespace moeperf {
namespace {

constexpr std::int64_t row_bytes = 16 << 10;
constexpr std::int64_t num_rows = 32;
constexpr std::int64_t block_bytes = num_rows * row_bytes;
constexpr int num_rounds = 3;

std::byte probe_byte(std::int64_t place, int source, int round) {
  const std::int64_t value = place * 131 + (place >> 8) * 7 + (place >> 16) * 11 + source * 17 + round * 29;
  return static_cast<std::byte>(value & 0xff);
}

/// How far the ranks are from which and to which each rank puts.
std::vector<int> distances(int num_ranks) {
  std::set<int> distinct{1 % num_ranks, num_ranks - 1, num_ranks / 2};
  distinct.erase(0);
  return {distinct.begin(), distinct.end()};
}

/// One round of puts. What is wrong on this rank, or nothing.
std::string faults_of_round(const Communicator& comm, const MpiWindow& window, int round) {
  const std::vector<int> steps = distances(comm.size());
  std::vector<std::byte> sent(static_cast<std::size_t>(block_bytes));
  fill_probe(sent, comm.rank(), round);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for_each_piece(block_bytes, row_bytes, [&](std::int64_t first, std::int64_t length) {
      window.put(sent.data() + first, length, (comm.rank() + steps[i]) % comm.size(),
                 static_cast<std::int64_t>(i) * block_bytes + first);
    });
  }
  window.flush();
  comm.barrier();
  window.sync();
  std::string fault;
  for (std::size_t i = 0; i < steps.size() && fault.empty(); ++i) {
    const int source = (comm.rank() - steps[i] + comm.size()) % comm.size();
    const std::byte* block = window.data() + static_cast<std::int64_t>(i) * block_bytes;
    const std::int64_t wrong = first_wrong_byte({block, static_cast<std::size_t>(block_bytes)}, source, round);
    if (wrong < 0) continue;
    fault = fmt::format(
        "of {} bytes that rank {} had put and flushed, byte {} had not arrived at rank {} (the MPI library takes puts "
        "for complete too early)",
        block_bytes, source, wrong, comm.rank());
  }
  comm.barrier();  // nobody puts the next round where somebody still looks
  return fault;
}

std::int64_t probe_bytes(const Communicator& comm) {
  return static_cast<std::int64_t>(distances(comm.size()).size()) * block_bytes;
}

std::string faults(const Communicator& comm) {
  try {
    const MpiWindow window(comm, probe_bytes(comm));
    if (!window.is_unified()) return "the MPI library keeps put data apart from the memory that programs read";
    std::string fault;
    for (int round = 0; round < num_rounds; ++round) {
      const std::string found = faults_of_round(comm, window, round);
      if (fault.empty()) fault = found;
    }
    return fault;
  } catch (const MpiError& error) {
    return error.what();
  }
}

}  // namespace

void fill_probe(std::span<std::byte> bytes, int source, int round) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = probe_byte(static_cast<std::int64_t>(i), source, round);
}

std::int64_t first_wrong_byte(std::span<const std::byte> bytes, int source, int round) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != probe_byte(static_cast<std::int64_t>(i), source, round)) return static_cast<std::int64_t>(i);
  }
  return -1;
}

std::optional<std::string> why_no_windows(const Communicator& comm) {
  if (!comm.has_mpi()) return "needs MPI";
  return kept_reason(comm, "window probe", [&]() -> std::optional<std::string> {
    if (auto reason = why_no_room(comm, probe_bytes(comm))) return reason;
    const auto reason = comm.first_reason(faults(comm));
    if (reason) return "one-sided MPI does not work between these ranks: " + *reason;
    return std::nullopt;
  });
}

}  // namespace moeperf
