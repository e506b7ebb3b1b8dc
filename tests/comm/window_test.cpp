#include "comm/mpi/window.hpp"

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/window_probe.hpp"
#include "tests/catch.hpp"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace moeperf {
namespace {

TEST_CASE("pieces cover long blocks once and in order, none longer than what a count can say") {
  const std::int64_t bytes = (std::int64_t{5} << 31) + 12345;
  std::int64_t next = 0;
  int num_pieces = 0;
  bool right = true;
  for_each_piece(bytes, std::int64_t{1} << 30, [&](std::int64_t first, std::int64_t length) {
    right = right && first == next && length > 0 && length <= std::numeric_limits<int>::max();
    next += length;
    ++num_pieces;
  });
  REQUIRE(right);
  REQUIRE(next == bytes);
  REQUIRE(num_pieces == 11);
  for_each_piece(0, 7, [](std::int64_t, std::int64_t) { FAIL("nothing has no pieces"); });
}

TEST_CASE("the probe's bytes differ from round to round and source to source") {
  std::vector<std::byte> bytes(70000);
  fill_probe(bytes, 3, 1);
  REQUIRE(first_wrong_byte(bytes, 3, 1) == -1);
  REQUIRE(first_wrong_byte(bytes, 3, 2) == 0);
  REQUIRE(first_wrong_byte(bytes, 4, 1) == 0);
  bytes[66000] ^= std::byte{1};
  REQUIRE(first_wrong_byte(bytes, 3, 1) == 66000);
  std::vector<std::byte> shifted(bytes.begin() + 4096, bytes.begin() + 8192);
  REQUIRE(first_wrong_byte(shifted, 3, 1) >= 0);
}

TEST_CASE("puts lie where they belong once flushed, in windows of different sizes", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  if (const auto reason = why_no_windows(comm)) {
    WARN("skipped: " << *reason);
    return;
  }
  const auto slot_bytes = std::int64_t{sizeof(std::int64_t)};
  // Odd sizes, so that the bases of some ranks' memory are not aligned by themselves.
  MpiWindow made(comm, comm.size() * slot_bytes + 13 * comm.rank());
  const MpiWindow window = std::move(made);
  bool right = !made.is_open() && window.is_open();  // NOLINT(bugprone-use-after-move)
  right = right && reinterpret_cast<std::uintptr_t>(window.data()) % 64 == 0;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(comm.size()));
    for (int r = 0; r < comm.size(); ++r) values[static_cast<std::size_t>(r)] = 1000 * round + 10 * comm.rank() + r;
    for (int r = 0; r < comm.size(); ++r) {
      window.put(&values[static_cast<std::size_t>(r)], slot_bytes, r, comm.rank() * slot_bytes);
    }
    window.flush();
    comm.barrier();
    window.sync();
    const auto* slots = reinterpret_cast<const std::int64_t*>(window.data());
    for (int r = 0; r < comm.size(); ++r) right = right && slots[r] == 1000 * round + 10 * r + comm.rank();
    comm.barrier();
  }
  REQUIRE(comm.all(right));
}

TEST_CASE("the probe says the same on all ranks and leaves the communicator usable", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const auto reason = why_no_windows(comm);
  const std::string said = reason.value_or("");
  REQUIRE(comm.all(said == comm.broadcast(said)));
  REQUIRE(comm.sum(std::int64_t{1}) == comm.size());
}

}  // namespace
}  // namespace moeperf
