#include "comm/dispatch/chunks.hpp"

#include "tests/catch.hpp"

namespace moeperf::test {
namespace {

TEST_CASE("chunks cover a block of any size once, in order, none too long") {
  const std::int64_t gib = std::int64_t{1} << 30;
  for (const std::int64_t most : {std::int64_t{1} << 24, gib}) {
    for (const std::int64_t block :
         {std::int64_t{0}, std::int64_t{1}, most - 1, most, most + 1, 2 * gib - 1, 2 * gib, 5 * gib + 7, 100 * gib}) {
      const Chunks chunks{block, most};
      std::int64_t covered = 0;
      for (std::int64_t i = 0; i < chunks.count(); ++i) {
        const Chunk chunk = chunks.at(i);
        REQUIRE(chunk.offset == covered);
        REQUIRE(chunk.bytes > 0);
        REQUIRE(chunk.bytes <= most);
        covered += chunk.bytes;
      }
      REQUIRE(covered == block);
    }
  }
  REQUIRE(Chunks{5 * gib + 7, gib}.count() == 6);
}

}  // namespace
}  // namespace moeperf::test
