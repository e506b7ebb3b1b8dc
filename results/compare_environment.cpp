#include "results/compare_environment.hpp"

#include "results/host_list.hpp"
#include "results/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <sstream>

namespace moeperf {
namespace {

using Facts = std::map<std::string, std::string>;

/// What is different from run to run by itself: it would hide the differences that matter.
bool is_incidental(const std::string& name) {
  static const std::set<std::string> names{
      "pid", "load_average", "cpu_mhz", "SLURM_JOB_ID", "SLURM_JOB_NAME", "clock_resolution_s", "clock_read_cost_s"};
  return names.count(name) != 0;
}

void add_table(const std::string& prefix, const Table& table, Facts& facts) {
  for (const auto& [column, values] : table) {
    if (is_incidental(column)) continue;
    const std::set<std::string> distinct(values.begin(), values.end());
    const bool is_list = column == "host" || column == "rank" || column == "node";
    facts[prefix + column] = is_list
                                 ? fmt::format("{}", fmt::join(compressed({distinct.begin(), distinct.end()}), ", "))
                                 : fmt::format("{}", fmt::join(distinct, ", "));
  }
}

Facts facts_of(const ReportHeader& header) {
  Facts facts;
  facts["ranks"] = std::to_string(header.num_ranks);
  facts["nodes"] = std::to_string(header.num_nodes);
  facts["seed"] = std::to_string(header.seed);
  facts["moeperf"] = header.moeperf_version;
  for (const auto& [name, value] : header.environment.facts) {
    if (!is_incidental(name)) facts[name] = value;
  }
  for (const auto& [name, value] : header.environment.variables) {
    if (!is_incidental(name)) facts["$" + name] = value;
  }
  add_table("node ", header.environment.nodes, facts);
  add_table("rank ", header.environment.ranks, facts);
  return facts;
}

/// "[table] key = value" of every line, so that a line says where it belongs.
std::set<std::string> config_lines(const std::string& config) {
  std::set<std::string> lines;
  std::string table;
  std::istringstream text(config);
  for (std::string line; std::getline(text, line);) {
    line = one_line(line);
    if (line.empty()) continue;
    if (line.front() == '[') {
      table = line + " ";
    } else {
      lines.insert(table + line);
    }
  }
  return lines;
}

void add_config_differences(const std::string& base, const std::string& fresh, std::vector<std::string>& differences) {
  const std::set<std::string> old_lines = config_lines(base), new_lines = config_lines(fresh);
  for (const std::string& line : old_lines) {
    if (new_lines.count(line) == 0) differences.push_back("configuration: " + line + " | -");
  }
  for (const std::string& line : new_lines) {
    if (old_lines.count(line) == 0) differences.push_back("configuration: - | " + line);
  }
}

}  // namespace

std::vector<std::string> environment_differences(const ReportHeader& base, const ReportHeader& fresh) {
  std::vector<std::string> differences;
  Facts left = facts_of(base), right = facts_of(fresh);
  for (const auto& [name, value] : right) left.try_emplace(name, "-");
  for (const auto& [name, value] : left) {
    const auto other = right.find(name);
    const std::string text = other == right.end() ? "-" : other->second;
    if (value != text) differences.push_back(fmt::format("{}: {} | {}", name, one_line(value), one_line(text)));
  }
  add_config_differences(base.config, fresh.config, differences);
  return differences;
}

}  // namespace moeperf
