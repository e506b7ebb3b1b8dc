#include "harness/heartbeat_table.hpp"

#include "tests/catch.hpp"
#include "tests/results/child.hpp"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace moeperf {
namespace {

void check_table(const Communicator& comm) {
  const HeartbeatTable table(comm, true);
  REQUIRE(table.ranks() == comm.ranks_of_node(comm.node()));
  REQUIRE(table.ranks()[table.own()] == comm.rank());
  REQUIRE(table.end_s() == 0);
  comm.barrier();
  table[table.own()].process = ::getpid();
  table[table.own()].watch.start_case("of rank " + std::to_string(comm.rank()));
  table[table.own()].watch.enter(Step::prepare);
  if (table.own() == 0) table.end_s() = 7;
  comm.barrier();
  for (std::size_t place = 0; place < table.ranks().size(); ++place) {
    const Watch::View view = table[place].watch.view();
    REQUIRE(view.place == "case of rank " + std::to_string(table.ranks()[place]) + ": preparation");
    REQUIRE(view.inside);
    REQUIRE(table[place].lives());
  }
  REQUIRE(table.end_s() == 7);
  comm.barrier();
}

TEST_CASE("the ranks of a node see each other's heartbeats, and no other node's", "[mpi]") {
  const Communicator world(MPI_COMM_WORLD);
  check_table(world);
  check_table(Communicator(MPI_COMM_WORLD, 1));
  check_table(Communicator(MPI_COMM_WORLD, 2));
}

TEST_CASE("a table that is not shared is of one rank, and needs no MPI", "[mpi]") {
  const HeartbeatTable table(Communicator(MPI_COMM_WORLD), false);
  REQUIRE(table.ranks().size() == 1);
  check_table(Communicator::without_mpi());
}

TEST_CASE("a table leaves no file open and no name behind") {
  const auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto before = open_files();
  const auto names = std::distance(std::filesystem::directory_iterator("/dev/shm"), {});
  const HeartbeatTable table(Communicator::without_mpi(), true);
  REQUIRE(open_files() == before);
  REQUIRE(std::distance(std::filesystem::directory_iterator("/dev/shm"), {}) == names);
}

TEST_CASE("a process that is stopped or gone does not live, whatever its name") {
  Heartbeat line;
  REQUIRE_FALSE(line.lives());
  const pid_t child = test::start_child([] {
    std::ofstream("/proc/self/comm") << "T) Z (T";
    while (true) ::pause();
  });
  line.process = child;
  const auto soon = [&](bool lives) {
    for (int i = 0; i < 1000 && line.lives() != lives; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return line.lives() == lives;
  };
  REQUIRE(soon(true));
  ::kill(child, SIGSTOP);
  REQUIRE(soon(false));
  ::kill(child, SIGCONT);
  REQUIRE(soon(true));
  ::kill(child, SIGKILL);
  REQUIRE(soon(false));  // not yet buried
  REQUIRE(test::end_of(child) == "signal 9");
  REQUIRE_FALSE(line.lives());
}

}  // namespace
}  // namespace moeperf
