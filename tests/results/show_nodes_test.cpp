#include "results/show_nodes.hpp"

#include "results/findings.hpp"
#include "results/show.hpp"
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

/// 512 nodes of two kinds that differ in what passes, each in its own way.
ReportHeader header_of_512() {
  ReportHeader header;
  header.num_ranks = 4096;
  header.num_nodes = 512;
  Table& nodes = header.environment.nodes;
  nodes = {{"host", {}}, {"cpu_model", {}}, {"memory_bytes", {}}, {"cpu_mhz", {}}, {"load_average", {}}, {"ranks", {}}};
  for (int node = 1; node <= 512; ++node) {
    const std::vector<std::string> row{fmt::format("node{:03}", node),
                                       node <= 500 ? "ACME 1" : "ACME 2",
                                       std::to_string(270'000'000'000 + 4096 * node),
                                       fmt::format("{}-{}", 1500 + node, 3500 + node % 20),
                                       fmt::format("0.{:02}", node % 100),
                                       node % 2 == 0 ? "8" : "7"};
    for (std::size_t column = 0; column < row.size(); ++column) nodes[column].second.push_back(row[column]);
  }
  return header;
}

std::string& cell(ReportHeader& header, const std::string& column, std::size_t row) {
  for (auto& [name, values] : header.environment.nodes) {
    if (name == column) return values[row];
  }
  throw std::logic_error("no column " + column);
}

std::ptrdiff_t lines_of(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST_CASE("the header of 512 nodes is short and names every host") {
  const ReportHeader header = header_of_512();
  REQUIRE(nodes_text(header.environment.nodes) ==
          "# 500 nodes, node[001-500]:\n"
          "#   cpu_model=ACME 1, memory_bytes=270000004096-270002048000, cpu_mhz=1501-3519, load_average=0.00-0.99,\n"
          "#   ranks=7-8\n"
          "# 12 nodes, node[501-512]:\n"
          "#   cpu_model=ACME 2, memory_bytes=270002052096-270002097152, cpu_mhz=2001-3512, load_average=0.01-0.12,\n"
          "#   ranks=7-8\n");
  std::ostringstream preamble;
  show_preamble(preamble, header);
  REQUIRE(lines_of(preamble.str()) < 25);
  REQUIRE(environment_findings(header).empty());
}

TEST_CASE("nodes that are busy or slow beside the others are named by host") {
  ReportHeader header = header_of_512();
  cell(header, "load_average", 16) = "12.50";
  cell(header, "cpu_mhz", 41) = "1200-1300";
  cell(header, "cpu_mhz", 42) = "unknown";
  const auto found = environment_findings(header);
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].find("on node017 (load average 12.50); median node 0.4") != std::string::npos);
  REQUIRE(found[1].find("on node042 (1200-1300 MHz); median node 35") != std::string::npos);
}

TEST_CASE("nodes whose memory, limit or kernel differs are another kind, some bytes of memory are not") {
  const auto kinds = [](const Table& nodes) {
    const std::string text = nodes_text(nodes);
    std::ptrdiff_t kinds = 0;
    for (std::size_t at = text.find(", n"); at != std::string::npos; at = text.find(", n", at + 1)) ++kinds;
    return kinds;
  };
  Table nodes{{"host", {"n1", "n2"}},
              {"memory_bytes", {"1000", "1001"}},
              {"cpu_quota", {"none", "none"}},
              {"kernel", {"Linux 6", "Linux 6"}}};
  REQUIRE(kinds(nodes) == 1);
  nodes[1].second[1] = "500";
  REQUIRE(kinds(nodes) == 2);
  nodes[1].second[1] = "1000";
  nodes[2].second[1] = "1.50";
  REQUIRE(kinds(nodes) == 2);
  nodes[2].second[1] = "none";
  nodes[3].second[1] = "Linux 5";
  REQUIRE(kinds(nodes) == 2);
}

TEST_CASE("512 nodes all unlike each other, with names that cannot be counted, make a short header too") {
  ReportHeader header = header_of_512();
  for (std::size_t row = 0; row < 512; ++row) cell(header, "cpu_model", row) = fmt::format("ACME {}", row);
  REQUIRE(lines_of(nodes_text(header.environment.nodes)) <= 25);
  header = header_of_512();
  for (std::size_t row = 0; row < 512; ++row) {
    cell(header, "host", row) =
        fmt::format("host-{}{}", static_cast<char>('a' + row / 26), static_cast<char>('a' + row % 26));
  }
  REQUIRE(nodes_text(header.environment.nodes).find("and 484 more") != std::string::npos);
  REQUIRE(lines_of(nodes_text(header.environment.nodes)) <= 10);
}

}  // namespace
}  // namespace moeperf
