#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moeperf {

/// Names of the metrics that say what the rows of an exchange can be counted as; see SCHEMA.md.
namespace exchange_metrics {
inline constexpr const char* copies = "copies";
inline constexpr const char* copies_other_rank = "copies_other_rank";
inline constexpr const char* token_ranks = "token_ranks";
inline constexpr const char* token_ranks_other = "token_ranks_other";
inline constexpr const char* token_nodes = "token_nodes";
inline constexpr const char* token_nodes_other = "token_nodes_other";
inline constexpr const char* padded_copies = "padded_copies";
inline constexpr const char* row_bytes = "row_bytes";
}  // namespace exchange_metrics

/// What somebody takes as the bytes of an exchange, so that figures can stand beside theirs.
struct ByteDefinition {
  /// Of the rows, those that leave one of n nodes or ranks, as if tokens went evenly: (n - 1)/n.
  enum class Share : std::uint8_t { all, leaving_a_node, leaving_a_rank };

  std::string name;  ///< "deepep"
  std::string text;  ///< the definition, in words
  const char* rows;  ///< the metric that counts them
  Share share = Share::all;

  /// Of all ranks together, of a case of `dispatch` or `combine`; nothing where it does not say.
  std::optional<double> bytes(const CaseResult& result, const ReportHeader& header) const;
};
std::span<const ByteDefinition> byte_definitions();
/// Throws UserError that lists the names there are.
const ByteDefinition& byte_definition(const std::string& name);

/// Dispatch and combine of a report by these definitions, in GB/s per rank as they all state it.
TitledTable bytes_table(const Report& report, const ByteDefinition& definition);

}  // namespace moeperf
