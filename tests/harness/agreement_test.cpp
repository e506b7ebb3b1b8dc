#include "harness/agreement.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

TEST_CASE("one rank's exception becomes everybody's reason", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  REQUIRE_FALSE(failure_on_any_rank(comm, [] {}).has_value());
  const auto failure = failure_on_any_rank(comm, [&] {
    if (comm.rank() == comm.size() - 1) throw Error("broken");
  });
  REQUIRE(failure == "rank " + std::to_string(comm.size() - 1) + ": broken");
}

TEST_CASE("what rank 0 throws keeps its kind on all ranks", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  int calls = 0;
  on_root(comm, [&] { ++calls; });
  REQUIRE(calls == (comm.is_root() ? 1 : 0));
  REQUIRE_THROWS_AS(on_root(comm, [] { throw UserError("your fault"); }), UserError);
  REQUIRE_THROWS_WITH(on_root(comm, [] { throw Error("ours"); }), "ours");
}

}  // namespace
}  // namespace moeperf
