#pragma once

#include "results/hdf5.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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
  std::filesystem::path path_;
  hdf5::Handle file_;
  hdf5::Handle dataset_;
  bool has_steps_ = false;
  LogitsShape shape_;
};

/// Writes a routing file, one process only: datasets (all chunked, with fletcher32 checksums)
///
///   indices            int32   [S,T,K]  descending by the selecting score; -1: dropped
///   weights            float32 [S,T,K]  0: dropped
///   tokens_per_expert  int64   [S,E]    routed, before any drop
///   dropped_per_expert int64   [S,E]
///   bias               float32 [S,E]    in use at that step
///   maxvio             float64 [S]      of tokens_per_expert
///   aux_loss           float64 [S]      and
///   aux_grad           float64 [S,T,E]  ∂aux_loss/∂logits, both only when asked for
///
/// It grows under PATH.part and is renamed by finish(); without that, it is removed again.
class RoutingWriter {
 public:
  using Attribute = std::pair<std::string, std::variant<std::string, std::int64_t, double>>;

  /// Throws UserError when PATH exists and not `force`, or its folder does not exist.
  RoutingWriter(std::filesystem::path path, bool force, const LogitsShape& shape, std::int32_t top_k,
                bool with_aux_loss, const std::vector<Attribute>& attributes);
  RoutingWriter(const RoutingWriter&) = delete;
  RoutingWriter& operator=(const RoutingWriter&) = delete;
  ~RoutingWriter();

  // Rows of consecutive tokens from first_token on.
  void write_indices(std::int64_t step, std::int64_t first_token, std::span<const std::int32_t> indices);
  void write_weights(std::int64_t step, std::int64_t first_token, std::span<const float> weights);
  void write_gradient(std::int64_t step, std::int64_t first_token, std::span<const double> gradient);

  struct StepSummary {
    std::span<const std::int64_t> tokens_per_expert;
    std::span<const std::int64_t> dropped_per_expert;
    std::span<const float> bias;
    double maxvio = 0;
    double aux_loss = 0;  ///< written only when asked for
  };
  void write_summary(std::int64_t step, const StepSummary& summary);

  void finish();

 private:
  hdf5::Handle create(const char* name, hid_t type, const std::vector<hsize_t>& extent);

  std::filesystem::path path_;
  std::filesystem::path part_;
  bool with_aux_loss_;
  hdf5::Handle file_;
  hdf5::Handle indices_, weights_, tokens_per_expert_, dropped_per_expert_, bias_, maxvio_, aux_loss_, aux_grad_;
};

}  // namespace moeperf
