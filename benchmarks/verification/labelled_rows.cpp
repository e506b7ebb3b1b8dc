#include "benchmarks/verification/labelled_rows.hpp"

#include "kernels/base/philox.hpp"

#include <algorithm>
#include <cstring>

namespace moeperf {
namespace {

void label_row(std::byte* row, std::int64_t bytes, int source, int destination, std::int64_t index) {
  const Philox::Counter label =
      Philox::block({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)},
                    {static_cast<std::uint32_t>(source), static_cast<std::uint32_t>(destination)});
  for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(sizeof label)) {
    std::memcpy(row + at, label.data(), static_cast<std::size_t>(std::min<std::int64_t>(sizeof label, bytes - at)));
  }
}

}  // namespace

void label_rows(Rows block, int source, int destination) {
  for (std::int64_t row = 0; row < block.num_rows(); ++row) {
    label_row(block.row_data(row), block.row_bytes(), source, destination, row);
  }
}

void check_labels(Checker& checker, ConstRows block, int source, int destination) {
  std::vector<std::byte> expected(static_cast<std::size_t>(block.row_bytes()));
  for (std::int64_t row = 0; row < block.num_rows(); ++row) {
    label_row(expected.data(), block.row_bytes(), source, destination, row);
    checker.same_bits(block, row, expected.data());
  }
}

}  // namespace moeperf
