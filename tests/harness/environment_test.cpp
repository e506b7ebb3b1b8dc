#include "harness/environment.hpp"

#include "harness/machine.hpp"
#include "tests/catch.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

namespace moeperf {
namespace {

/// The values of a column; none where there is no such column.
std::vector<std::string> column(const Table& table, const std::string& name) {
  for (const auto& [title, values] : table) {
    if (title == name) return values;
  }
  return {};
}

TEST_CASE("rank 0 records every rank and every node", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Environment environment = capture_environment(comm, Instruments(comm));
  if (!comm.is_root()) return;
  const auto ranks = column(environment.ranks, "rank");
  REQUIRE(ranks.size() == static_cast<std::size_t>(comm.size()));
  for (int rank = 0; rank < comm.size(); ++rank) CHECK(ranks[static_cast<std::size_t>(rank)] == std::to_string(rank));
  REQUIRE(column(environment.nodes, "host").size() == static_cast<std::size_t>(comm.num_nodes()));
  CHECK(column(environment.nodes, "host").front() == host_name());
  const std::string quota = column(environment.nodes, "cpu_quota").front();
  CHECK(quota == (cpu_quota() ? fmt::format("{:.2f}", *cpu_quota()) : "none"));
  CHECK(std::stoll(column(environment.nodes, "memory_limit_bytes").front()) == memory_limit_bytes());
  for (const auto& [title, values] : environment.nodes) {
    INFO(title);
    CHECK_FALSE(values.front().empty());
  }
}

TEST_CASE("more threads than processors are recorded as oversubscription", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Environment environment = capture_environment(comm, Instruments(comm));
  const bool crowded = oversubscribes(comm.size() * num_threads(), num_cpus(), cpu_quota()) ||
                       !comm.all(num_threads() <= num_bound_cpus());
  CHECK(environment.facts.at("oversubscribed") == (crowded ? "yes" : "no"));
}

TEST_CASE("a node's threads are too many for its processors or for its quota of their time", "[unit]") {
  CHECK_FALSE(oversubscribes(2, 2, std::nullopt));
  CHECK(oversubscribes(3, 2, std::nullopt));
  CHECK_FALSE(oversubscribes(1, 2, 1.5));
  CHECK(oversubscribes(2, 2, 1.5));
  CHECK(oversubscribes(3, 2, 8.0));
}

TEST_CASE("what moves rows is recorded", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Environment environment = capture_environment(comm, Instruments(comm));
  if (!comm.is_root()) return;
  const std::string& cuda_aware = environment.facts.at("mpi_cuda_aware");
  CHECK((cuda_aware == "yes" || cuda_aware.starts_with("no: this MPI ")));
  if (environment.facts.at("ucx") == "not compiled in") return;
  CHECK(environment.facts.at("ucx").find('.') != std::string::npos);
  CHECK(environment.facts.at("ucx_memory_types").starts_with("host"));
}

#ifndef __SANITIZE_ADDRESS__  // which has terabytes of addresses
TEST_CASE("limits of the process itself count as memory that it may use", "[unit]") {
  const std::int64_t most = total_memory_bytes() - 4096;
  for (const __rlimit_resource resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit before{};
    REQUIRE(getrlimit(resource, &before) == 0);
    rlimit lower = before;
    lower.rlim_cur = std::min<rlim_t>(before.rlim_max, static_cast<rlim_t>(most));
    REQUIRE(setrlimit(resource, &lower) == 0);
    const auto left = own_memory_left_bytes();
    const std::int64_t limit = memory_limit_bytes();
    REQUIRE(setrlimit(resource, &before) == 0);
    REQUIRE(left);
    CHECK(*left < most);
    CHECK(*left > 0);
    CHECK(limit <= most);
  }
}
#endif

TEST_CASE("the machine's facts are plausible", "[unit]") {
  CHECK(num_cpus() >= 1);
  CHECK(total_memory_bytes() > std::int64_t{1} << 26);
  CHECK(available_memory_bytes() <= total_memory_bytes());
  CHECK(memory_limit_bytes() <= total_memory_bytes());
  CHECK(num_bound_cpus() >= 1);
  CHECK(last_level_cache_bytes() >= std::int64_t{1} << 16);
  CHECK_FALSE(affinity().empty());
  CHECK(topology_summary().find(std::to_string(num_cpus()) + " threads") != std::string::npos);
}

}  // namespace
}  // namespace moeperf
