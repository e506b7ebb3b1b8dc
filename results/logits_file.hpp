#pragma once

#include "results/real_elements.hpp"
#include "results/recorded_array.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace moeperf {

/// A recording of router logits: S batches of T tokens over E experts.
struct LogitsShape {
  std::int64_t num_steps = 0;
  std::int64_t num_tokens = 0;
  std::int64_t num_experts = 0;
};

/// Reads the dataset `logits` of an HDF5 file, block by block, and beside it, where there is one, the padding `mask`
/// ([T] or [S,T] of integers or booleans: 1 a token, 0 padding). Element types are those of real_format().
/// Local. Throws UserError that names the file and says what is missing or wrong.
class LogitsReader {
 public:
  explicit LogitsReader(std::filesystem::path path, const LayoutRequest& request = {});
  const LogitsShape& shape() const { return shape_; }
  bool has_mask() const { return mask_ >= 0; }
  bool has_bias() const { return hdf5::exists(file_, "bias"); }

  /// Tokens first_token … of a step: 1, or 0 for padding, into `is_token` [n]; logits into `logits` [n,E], where a
  /// −inf is an expert that the token may not choose. Padding gets zeros, whatever stands in the file. Throws
  /// UserError for NaN and +inf, and for a mask that is neither 0 nor 1, with its place.
  void read(std::int64_t step, std::int64_t first_token, std::span<double> logits,
            std::span<std::uint8_t> is_token) const;

 private:
  void open(const LayoutRequest& request);
  void open_mask();
  void read_mask(std::int64_t step, std::int64_t first_token, std::span<std::uint8_t> is_token) const;

  std::filesystem::path path_;
  hdf5::Handle file_, mask_;
  std::optional<RecordedArray> logits_;
  hdf5::RealFormat format_ = hdf5::RealFormat::native;
  bool mask_has_steps_ = false;
  LogitsShape shape_;
};

/// A selection bias [E]: the dataset `dataset` of `path`, of any of the element types of logits, rounded to float32.
/// Local. Throws UserError where it is missing, of another shape or not finite, with the place.
std::vector<float> read_bias(const std::filesystem::path& path, const std::string& dataset, std::int64_t num_experts);

}  // namespace moeperf
