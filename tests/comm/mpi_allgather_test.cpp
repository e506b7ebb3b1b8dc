#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

namespace moeperf::test {
namespace {

/// Every token's row and choices to every rank, a partial sum of every token from every rank.
CountedBytes allgather_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  CountedBytes counted;
  for (int r = 0; r < comm.size(); ++r) {
    for (std::int64_t t = 0; t < spec.tokens(comm.rank(), comm.size()); ++t) {
      count(counted.dispatch, comm, r, row_bytes);
      for (std::int32_t k = 0; k < spec.top_k; ++k) count(counted.dispatch, comm, r, 4 + 4);  // expert and weight
    }
    for (std::int64_t t = 0; t < spec.tokens(r, comm.size()); ++t) count(counted.combine, comm, r, row_bytes);
    if (r != comm.rank()) count(counted.dispatch, comm, r, 4);  // number of tokens
  }
  return counted;
}

TEST_CASE("mpi-allgather books everything to everybody and partial sums of every token back", "[mpi]") {
  require_bytes("mpi-allgather", allgather_bytes);
}

}  // namespace
}  // namespace moeperf::test
