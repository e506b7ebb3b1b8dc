#include "comm/mpi/row_type.hpp"

#include "tests/catch.hpp"

#include <limits>

namespace moeperf {
namespace {

TEST_CASE("a row type has the size and extent of a row") {
  RowType made(14336);
  const RowType row(std::move(made));
  int size = 0;
  MPI_Aint lower = -1, extent = 0;
  MPI_Type_size(row.get(), &size);
  MPI_Type_get_extent(row.get(), &lower, &extent);
  REQUIRE(size == 14336);
  REQUIRE(lower == 0);
  REQUIRE(extent == 14336);
}

TEST_CASE("rows that MPI cannot describe are refused") {
  REQUIRE_THROWS_AS(RowType(std::int64_t{1} << 31), Error);
  REQUIRE_THROWS_AS(RowType(-1), Error);
}

TEST_CASE("counts that do not fit are refused with their number and name") {
  REQUIRE(mpi_count(std::int64_t{std::numeric_limits<int>::max()}, "rows") == std::numeric_limits<int>::max());
  REQUIRE(mpi_count(std::size_t{7}, "rows") == 7);
  REQUIRE_THROWS_WITH(mpi_count(std::int64_t{1} << 31, "rows"),
                      "2147483648 rows in one MPI call do not fit MPI's int counts");
  REQUIRE_THROWS_AS(mpi_count(-1, "rows"), Error);
  REQUIRE_THROWS_AS(mpi_count(~std::size_t{0}, "rows"), Error);
}

}  // namespace
}  // namespace moeperf
