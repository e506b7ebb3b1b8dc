#include "results/byte_definitions.hpp"

#include "kernels/base/error.hpp"
#include "results/case_columns.hpp"
#include "results/derived.hpp"

#include <fmt/format.h>

#include <array>

namespace moeperf {
namespace {

std::optional<double> metric(const CaseResult& result, const char* name) {
  const auto found = result.metrics.find(name);
  return found == result.metrics.end() ? std::nullopt : std::optional(found->second);
}

using Share = ByteDefinition::Share;

const std::array definitions{
    ByteDefinition{"copies", "a row for each token and expert, none left out: NCCL EP low latency, each way",
                   exchange_metrics::copies},
    ByteDefinition{"nccl-ep", "as copies: NCCL EP low latency", exchange_metrics::copies},
    ByteDefinition{
        "deepep", "a row for each token and distinct node, the own one included: DeepEP, uccl, NCCL EP high throughput",
        exchange_metrics::token_nodes},
    ByteDefinition{"mori", "as deepep: MoRI's algorithm bandwidth", exchange_metrics::token_nodes},
    ByteDefinition{"mori-physical",
                   "of deepep's bytes the share (n - 1)/n that leaves one of n nodes, as if tokens went evenly",
                   exchange_metrics::token_nodes, Share::leaving_a_node},
    ByteDefinition{"pplx", "K rows for each of the most tokens that any rank has, on every rank, whatever was sent",
                   exchange_metrics::padded_copies},
    ByteDefinition{"collectivex", "a row for each token and distinct rank, the own one included",
                   exchange_metrics::token_ranks},
    ByteDefinition{"busbw",
                   "of copies the share (n - 1)/n that leaves one of n ranks, as if tokens went evenly: nccl-tests",
                   exchange_metrics::copies, Share::leaving_a_rank},
    ByteDefinition{"remote", "a row for each token and expert on another rank: what has to move at all, copy by copy",
                   exchange_metrics::copies_other_rank},
};

double factor(Share share, const ReportHeader& header) {
  if (share == Share::all) return 1;
  const auto n = static_cast<double>(share == Share::leaving_a_node ? header.num_nodes : header.num_ranks);
  return (n - 1) / n;
}

}  // namespace

std::optional<double> ByteDefinition::bytes(const CaseResult& result, const ReportHeader& header) const {
  const auto number = metric(result, rows), row = metric(result, exchange_metrics::row_bytes);
  return number && row ? std::optional(*number * *row * factor(share, header)) : std::nullopt;
}

std::span<const ByteDefinition> byte_definitions() { return definitions; }

const ByteDefinition& byte_definition(const std::string& name) {
  std::string known;
  for (const ByteDefinition& definition : definitions) {
    if (definition.name == name) return definition;
    known += (known.empty() ? "" : ", ") + definition.name;
  }
  throw UserError(fmt::format("no definition of bytes is called '{}'; known: {}", name, known));
}

TitledTable bytes_table(const Report& report, const ByteDefinition& definition) {
  TitledTable table{"Bytes as " + definition.name,
                    definition.text + ".\nPer rank, over the median of the slowest rank's time, packing included.",
                    {{"part", "", false}, {"median", "us"}, {"bytes", "MB/rank"}, {"rate", "GB/s/rank"}},
                    {}};
  std::vector<const CaseResult*> cases;
  for (const CaseResult& result : report.cases) {
    const std::string part = result.on("benchmark");
    if (part != "dispatch" && part != "combine") continue;
    const auto median = median_of(result, part);
    const auto bytes = definition.bytes(result, report.header());
    if (!median || !bytes || *median <= 0) continue;
    const double per_rank = *bytes / static_cast<double>(report.header().num_ranks);
    cases.push_back(&result);
    table.rows.push_back(
        {part, number_cell(1e6 * *median), number_cell(1e-6 * per_rank), number_cell(1e-9 * per_rank / *median)});
  }
  add_case_columns(table, report.header().axes, cases, {"workload", "phase", "scheme", "dispatcher", "wire"});
  return table;
}

}  // namespace moeperf
