#pragma once

#include "results/claimed_file.hpp"
#include "results/hdf5.hpp"
#include "results/logits_file.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moeperf {

struct RoutingDatasets {
  hdf5::Handle indices, weights, tokens_per_expert, dropped_per_expert, bias, maxvio;
  hdf5::Handle aux_loss, aux_grad;  ///< only when asked for
};

/// Writes a routing file (SCHEMA.md has its structure), one process only. It grows as PATH.part (see ClaimedFile);
/// without finish() that is removed again, since routing the same logits gives the same file.
class RoutingWriter {
 public:
  using Attribute = std::pair<std::string, std::variant<std::string, std::int64_t, double>>;

  /// Takes all the room that the file needs. Throws UserError where PATH cannot be written.
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
  void discard();
  ClaimedFile output_;
  bool finished_ = false;
  hdf5::Handle file_;
  RoutingDatasets datasets_;
};

}  // namespace moeperf
