#include "comm/mpi/communicator.hpp"

#include "comm/mpi/error.hpp"
#include "tests/catch.hpp"

#include <cstdlib>
#include <numeric>
#include <sstream>

namespace moeperf {
namespace {

static_assert(!std::is_copy_constructible_v<Communicator>);
static_assert(std::is_nothrow_move_constructible_v<Communicator> && std::is_nothrow_move_assignable_v<Communicator>);

TEST_CASE("texts of any length are gathered in rank order", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  // Rank 0 has none, so that an empty text has its place too.
  const std::vector<std::string> texts = comm.gather(std::string(static_cast<std::size_t>(comm.rank()) * 3, 'x'));
  REQUIRE(texts.size() == (comm.is_root() ? static_cast<std::size_t>(comm.size()) : 0u));
  for (std::size_t r = 0; r < texts.size(); ++r) REQUIRE(texts[r] == std::string(r * 3, 'x'));
  const std::vector<std::string> everywhere = comm.all_gather(std::string(static_cast<std::size_t>(comm.rank()), '\0'));
  REQUIRE(everywhere.size() == static_cast<std::size_t>(comm.size()));
  for (std::size_t r = 0; r < everywhere.size(); ++r) REQUIRE(everywhere[r] == std::string(r, '\0'));
}

TEST_CASE("what a communicator keeps is freed while it still works, moved or not", "[mpi]") {
  struct Kept {
    MPI_Comm comm;
    int* size_at_the_end;
    ~Kept() { MPI_Comm_size(comm, size_at_the_end); }
  };
  int size = 0, num_ranks = 0;
  {
    Communicator first(MPI_COMM_WORLD);
    num_ranks = first.size();
    REQUIRE_FALSE(first.attachment("thing"));
    first.attachment("thing") = std::shared_ptr<void>(new Kept{first.get(), &size}, [](Kept* kept) { delete kept; });
    const Communicator second(std::move(first));
    REQUIRE(second.attachment("thing"));
    REQUIRE_FALSE(second.attachment("another"));
    REQUIRE_FALSE(second.duplicate().attachment("thing"));
    REQUIRE(size == 0);
  }
  REQUIRE(size == num_ranks);
}

TEST_CASE("values are gathered in rank order", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const std::int64_t big = std::int64_t{1} << 40;
  const std::vector<std::int64_t> own{comm.rank() + big, -comm.rank()};
  const auto all = comm.gather(std::span<const std::int64_t>(own));
  REQUIRE(all.size() == (comm.is_root() ? 2 * static_cast<std::size_t>(comm.size()) : 0u));
  for (std::size_t r = 0; 2 * r < all.size(); ++r) {
    REQUIRE(all[2 * r] == static_cast<std::int64_t>(r) + big);
    REQUIRE(all[2 * r + 1] == -static_cast<std::int64_t>(r));
  }
  const std::vector<double> halves{comm.rank() / 2.0};
  const auto all_halves = comm.gather(std::span<const double>(halves));
  for (std::size_t r = 0; r < all_halves.size(); ++r) REQUIRE(all_halves[r] == static_cast<double>(r) / 2);
  const auto everywhere = comm.all_gather(comm.rank() * big);
  REQUIRE(everywhere.size() == static_cast<std::size_t>(comm.size()));
  for (std::size_t r = 0; r < everywhere.size(); ++r) REQUIRE(everywhere[r] == static_cast<std::int64_t>(r) * big);
}

TEST_CASE("every rank gets the reductions", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const std::int64_t size = comm.size();
  REQUIRE(comm.sum(std::int64_t{comm.rank()}) == size * (size - 1) / 2);
  REQUIRE(comm.sum_mod64(~std::uint64_t{0}) == std::uint64_t{0} - static_cast<std::uint64_t>(size));
  REQUIRE(comm.sum(0.5) == 0.5 * static_cast<double>(size));
  REQUIRE(comm.max(static_cast<double>(comm.rank())) == static_cast<double>(size - 1));
  REQUIRE(comm.min(static_cast<double>(comm.rank())) == 0.0);
  std::vector<double> values{-1.0 * comm.rank(), 1.0 * comm.rank()};
  comm.max(values);
  REQUIRE(values == std::vector<double>{0.0, static_cast<double>(size - 1)});
  REQUIRE(comm.all(true));
  REQUIRE_FALSE(comm.all(comm.rank() != comm.size() - 1));
}

TEST_CASE("rank 0's text and number reach everybody", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  REQUIRE(comm.broadcast(comm.is_root() ? std::string("from the root") : std::string("a longer text of no use")) ==
          "from the root");
  REQUIRE(comm.broadcast(comm.is_root() ? std::string() : std::string("something")).empty());
  REQUIRE(comm.broadcast(comm.rank() + 0.25) == 0.25);
  comm.barrier();
}

TEST_CASE("nodes are numbered by their lowest rank", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const std::vector<int>& nodes = comm.node_of_rank();
  REQUIRE(nodes.size() == static_cast<std::size_t>(comm.size()));
  int seen = 0, on_node = 0, before = 0;
  for (int r = 0; r < comm.size(); ++r) {
    const int node = nodes[static_cast<std::size_t>(r)];
    REQUIRE(node <= seen);
    if (node == seen) ++seen;
    on_node += node == comm.node() ? 1 : 0;
    before += node == comm.node() && r < comm.rank() ? 1 : 0;
  }
  REQUIRE(seen == comm.num_nodes());
  REQUIRE(on_node == comm.ranks_on_node());
  REQUIRE(before == comm.rank_on_node());
}

TEST_CASE("the nodes are those on which the ranks were started", "[mpi]") {
  // Set by whoever knows it: ranks of each node, in rank order, e.g. "2,1,1".
  const char* layout = std::getenv("MOEPERF_TEST_RANKS_OF_NODES");
  if (layout == nullptr) return;
  const Communicator comm(MPI_COMM_WORLD);
  std::vector<int> expected;
  std::istringstream ranks_of_nodes(layout);
  int node = 0;
  for (std::string ranks; std::getline(ranks_of_nodes, ranks, ','); ++node) {
    expected.insert(expected.end(), std::stoul(ranks), node);
  }
  REQUIRE(comm.node_of_rank() == expected);
  REQUIRE(comm.num_nodes() == node);
}

TEST_CASE("a moved communicator goes on working", "[mpi]") {
  Communicator first(MPI_COMM_WORLD);
  Communicator second(std::move(first));
  REQUIRE(second.sum(std::int64_t{1}) == second.size());
  Communicator third(MPI_COMM_WORLD);
  third = std::move(second);
  REQUIRE(third.sum(std::int64_t{1}) == third.size());
}

TEST_CASE("a failed call throws an error that names call, rank and reason", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  int value = 0;
  REQUIRE_THROWS_AS(mpi_check(MPI_Bcast(&value, 1, MPI_INT, comm.size(), comm.get()), "MPI_Bcast"), MpiError);
  try {
    mpi_check(MPI_Bcast(&value, 1, MPI_INT, comm.size(), comm.get()), "MPI_Bcast");
  } catch (const MpiError& error) {
    const std::string message = error.what();
    REQUIRE(message.find("MPI_Bcast failed on rank " + std::to_string(comm.rank()) + " (") == 0);
    REQUIRE(message.find("): MPI_ERR_ROOT") != std::string::npos);
  }
}

TEST_CASE("the reducer works over all ranks", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  MpiReducer reducer(comm);
  REQUIRE(reducer.num_ranks() == comm.size());
  REQUIRE(reducer.rank() == comm.rank());
  std::vector<std::int64_t> counts(1000);
  std::iota(counts.begin(), counts.end(), 0);
  reducer.sum(std::span(counts));
  for (std::size_t i = 0; i < counts.size(); ++i) REQUIRE(counts[i] == static_cast<std::int64_t>(i) * comm.size());
  std::vector<double> values{0.5, 1.0 * comm.rank()};
  reducer.sum(std::span(values));
  REQUIRE(values[0] == 0.5 * comm.size());
  values = {1.0 * comm.rank()};
  reducer.max(std::span(values));
  REQUIRE(values[0] == comm.size() - 1);
  reducer.sum(std::span<double>());
}

TEST_CASE("a communicator without MPI is one rank that gets back what it brings") {
  const Communicator alone = Communicator::without_mpi();
  REQUIRE_FALSE(alone.has_mpi());
  REQUIRE(Communicator(MPI_COMM_SELF).has_mpi());
  REQUIRE((alone.size() == 1 && alone.is_root() && alone.num_nodes() == 1 && alone.ranks_on_node() == 1));
  alone.barrier();
  REQUIRE(alone.sum(std::int64_t{7}) == 7);
  REQUIRE(alone.sum_mod64(std::uint64_t{7}) == 7);
  REQUIRE(alone.sum(2.5) == 2.5);
  REQUIRE((alone.max(2.5) == 2.5 && alone.min(2.5) == 2.5));
  std::vector<double> values{1, 2};
  alone.max(std::span<double>(values));
  REQUIRE(values == std::vector<double>{1, 2});
  REQUIRE((alone.all(true) && !alone.all(false)));
  REQUIRE(alone.first_reason("why") == "why");
  REQUIRE(alone.broadcast("text") == "text");
  REQUIRE(alone.broadcast(2.5) == 2.5);
  REQUIRE(alone.gather("text") == std::vector<std::string>{"text"});
  REQUIRE(alone.gather(std::span<const double>(values)) == values);
  REQUIRE(alone.all_gather(std::int64_t{7}) == std::vector<std::int64_t>{7});
  REQUIRE(alone.all_gather("text") == std::vector<std::string>{"text"});
}

}  // namespace
}  // namespace moeperf
