#pragma once

#include "results/hdf5.hpp"

#include <cstdint>
#include <filesystem>
#include <span>

namespace moeperf {

/// A recording of router logits: S batches of T tokens over E experts.
struct LogitsShape {
  std::int64_t num_steps = 0;
  std::int64_t num_tokens = 0;
  std::int64_t num_experts = 0;
};

/// Reads the dataset `logits` (float32 or float64, [T,E] or [S,T,E]) of an HDF5 file, block by block.
/// Local. Throws UserError that names the file and says what is missing or wrong.
class LogitsReader {
 public:
  explicit LogitsReader(std::filesystem::path path);
  const LogitsShape& shape() const { return shape_; }

  /// Tokens first_token … of a step into `logits` [n,E]; throws UserError for a number that is not finite,
  /// with its step, token and expert.
  void read(std::int64_t step, std::int64_t first_token, std::span<double> logits) const;

 private:
  void open();

  std::filesystem::path path_;
  hdf5::Handle file_;
  hdf5::Handle dataset_;
  bool has_steps_ = false;
  LogitsShape shape_;
};

}  // namespace moeperf
