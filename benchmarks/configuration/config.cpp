#include "benchmarks/configuration/config.hpp"

#include "benchmarks/configuration/axis_settings.hpp"
#include "benchmarks/configuration/settings_table.hpp"
#include "benchmarks/configuration/table_reader.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/traffic/pattern.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <regex>
#include <sstream>

namespace moeperf {
namespace {

constexpr std::array phase_kinds{PhaseKind::train, PhaseKind::prefill, PhaseKind::decode};

std::optional<ExpertWeightsMode> parse_weights_mode(std::string_view text) {
  if (text == name(ExpertWeightsMode::full)) return ExpertWeightsMode::full;
  if (text == name(ExpertWeightsMode::pooled)) return ExpertWeightsMode::pooled;
  return std::nullopt;
}

template <class Enum>
Enum enumeration(TableReader& reader, const std::string& key, Enum fallback) {
  return reader.choice(
      key, fallback, [](std::string_view text) { return parse<Enum>(text); }, choices<Enum>());
}

ModelShape read_model(TableReader reader) {
  ModelShape model;
  for (const char* key : {"hidden", "intermediate", "experts", "top_k"})
    reader.require(key, "an integer of at least 1");
  model.hidden = reader.integer("hidden", 0);
  model.intermediate = reader.integer("intermediate", 0);
  model.gate.num_experts = reader.integer32("experts", 0);
  model.gate.top_k = reader.integer32("top_k", 0);
  model.gate.score = enumeration(reader, "score", model.gate.score);
  model.gate.groups = reader.integer32("groups", model.gate.groups);
  model.gate.topk_groups = reader.integer32("topk_groups", model.gate.groups);
  model.gate.group_score = enumeration(reader, "group_score", model.gate.group_score);
  model.gate.softmax_after_topk = reader.boolean("softmax_after_topk", model.gate.softmax_after_topk);
  model.gate.norm_topk = reader.boolean("norm_topk", model.gate.norm_topk);
  model.gate.routed_scale = reader.real("routed_scale", model.gate.routed_scale);
  model.shared_experts = reader.integer32("shared_experts", model.shared_experts);
  model.activation = enumeration(reader, "activation", model.activation);
  model.moe_layers = reader.integer32("moe_layers", model.moe_layers);
  model.dtype = reader.choice("dtype", model.dtype, parse_dtype, "bf16 | f32");
  model.source = reader.text("source", "");
  reader.reject_unknown();
  return model;
}

std::vector<Phase> read_phases(TableReader reader) {
  std::vector<Phase> phases;
  for (const PhaseKind kind : phase_kinds) {
    const std::string key(name(kind));
    TableReader table = reader.table(key);
    if (!reader.has(key)) continue;
    Phase phase;
    phase.kind = kind;
    phase.tokens_per_rank = table.integers("tokens_per_rank", {kind == PhaseKind::decode ? 128 : 4096});
    table.reject_unknown();
    phases.push_back(phase);
  }
  reader.reject_unknown();
  if (phases.empty()) phases.push_back(Phase{});
  return phases;
}

TrafficConfig read_traffic(TableReader reader) {
  TrafficConfig traffic;
  traffic.pattern = reader.text("pattern", traffic.pattern);
  traffic.target_maxvio = reader.real("target_maxvio", traffic.target_maxvio);
  traffic.settings = read_settings_tables(reader, traffic_registry());
  reader.reject_unknown();
  return traffic;
}

BalancingConfig read_balancing(TableReader reader) {
  BalancingConfig balancing;
  balancing.steps = reader.integer("steps", balancing.steps);
  TableReader optimizer = reader.table("optimizer");
  balancing.optimizer.learning_rate = optimizer.real("learning_rate", balancing.optimizer.learning_rate);
  optimizer.reject_unknown();
  balancing.settings = read_settings_tables(reader, scheme_registry());
  reader.reject_unknown();
  return balancing;
}

toml::table traffic_table(const TrafficConfig& traffic) {
  toml::table table{{"pattern", traffic.pattern}, {"target_maxvio", traffic.target_maxvio}};
  insert_settings_tables(table, traffic_registry(),
                         [&](const std::string& name) { return pattern_settings(traffic, name); });
  return table;
}

toml::table balancing_table(const BalancingConfig& balancing) {
  toml::table table{{"steps", balancing.steps},
                    {"optimizer", toml::table{{"learning_rate", balancing.optimizer.learning_rate}}}};
  insert_settings_tables(table, scheme_registry(),
                         [&](const std::string& name) { return scheme_settings(balancing, name); });
  return table;
}

RunSettings read_run(TableReader reader, const ConfigSource& source) {
  RunSettings run;
  run.benchmarks = reader.text("benchmarks", run.benchmarks);
  run.axes = read_axis_settings(reader, source);
  run.sampling.warmup = reader.integer("warmup", run.sampling.warmup);
  run.sampling.min_samples = reader.integer("min_samples", run.sampling.min_samples);
  run.sampling.max_time_s = reader.real("max_time_s", run.sampling.max_time_s);
  run.sampling.target_ci = reader.real("target_ci", run.sampling.target_ci);
  run.sampling.samples = reader.integer("samples", run.sampling.samples);
  run.instruments.synchroniser = reader.text("synchroniser", run.instruments.synchroniser);
  run.instruments.clock = reader.text("clock", run.instruments.clock);
  run.sweep.begin = reader.text_or_integer("begin", run.sweep.begin);
  run.sweep.end = reader.text_or_integer("end", run.sweep.end);
  run.sweep.factor = reader.real("factor", run.sweep.factor);
  run.limits.part_s = reader.real("part_time_limit_s", run.limits.part_s);
  run.limits.preparation_s = reader.real("preparation_time_limit_s", run.limits.preparation_s);
  const std::int64_t seed = reader.integer("seed", static_cast<std::int64_t>(run.seed));
  run.seed = static_cast<std::uint64_t>(seed);
  run.expert_weights = reader.choice("expert_weights", run.expert_weights, parse_weights_mode, "full | pooled");
  reader.reject_unknown();
  auto require = [&](bool ok, const char* key, const std::string& given, const char* accepted) {
    if (!ok) source.fail(std::string("run.") + key, nullptr, fmt::format("{} given; accepted: {}", given, accepted));
  };
  const auto counts = [&](const char* key, std::int64_t given, std::int64_t least, const char* accepted) {
    require(given >= least && given <= 1'000'000'000, key, std::to_string(given), accepted);
  };
  counts("warmup", run.sampling.warmup, 0, "0 to 1000000000");
  counts("min_samples", run.sampling.min_samples, 1, "1 to 1000000000");
  counts("samples", run.sampling.samples, 0, "1 to 1000000000, or 0 to sample until the median is known");
  require(seed >= 0, "seed", std::to_string(seed), "a whole number, 0 or more");
  require(run.sampling.max_time_s >= 0, "max_time_s", fmt::format("{}", run.sampling.max_time_s), "0 or more seconds");
  require(run.sampling.target_ci >= 0 && run.sampling.target_ci < 1, "target_ci",
          fmt::format("{}", run.sampling.target_ci), "0 to 1, e.g. 0.01 for 1 %");
  if (const auto violation = first_violation(run.sweep)) source.fail(violation->key, nullptr, violation->message);
  for (const auto& [key, limit_s] : {std::pair{"part_time_limit_s", run.limits.part_s},
                                     std::pair{"preparation_time_limit_s", run.limits.preparation_s}}) {
    require(limit_s == 0 || (limit_s >= 0.1 && limit_s <= 1e6), key, fmt::format("{}", limit_s),
            "0.1 to 1e6 seconds, or 0 for no limit");
  }
  try {
    (void)std::regex(run.benchmarks);
  } catch (const std::regex_error& error) {
    require(false, "benchmarks", "'" + run.benchmarks + "'", "an ECMAScript regular expression");
  }
  return run;
}

/// Puts "a.b.c=value" into the document, making tables on the way.
void apply_override(toml::table& document, ConfigSource& source, const Override& given) {
  const std::string& text = given.setting;
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UserError(given.option + " " + text + ": accepted: key=value with a dotted key, e.g. model.top_k=4");
  }
  const std::string key = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  toml::table parsed;
  try {
    parsed = toml::parse("value = " + value);
  } catch (const toml::parse_error&) {
    parsed.insert_or_assign("value", value);  // a bare word is a string
  }
  toml::table* table = &document;
  std::istringstream parts(key);
  std::string part, next;
  std::getline(parts, part, '.');
  while (std::getline(parts, next, '.')) {
    auto* existing = table->get(part);
    if (existing != nullptr && !existing->is_table()) {
      throw UserError(given.option + " " + text + ": '" + part + "' is no table");
    }
    if (existing == nullptr) table->insert(part, toml::table{});
    table = table->get(part)->as_table();
    part = next;
  }
  table->insert_or_assign(part, std::move(*parsed.get("value")));
  source.overridden[key] = given.option;
}

const toml::node* node_at(const toml::table& document, const std::string& key) {
  const toml::node* node = &document;
  std::istringstream parts(key);
  for (std::string part; std::getline(parts, part, '.');) {
    const toml::table* table = node->as_table();
    const toml::node* next = table == nullptr ? nullptr : table->get(part);
    if (next == nullptr) return node == &document ? nullptr : node;
    node = next;
  }
  return node;
}

}  // namespace

std::string_view name(ExpertWeightsMode mode) { return mode == ExpertWeightsMode::full ? "full" : "pooled"; }

namespace {

/// The parser goes down one call for each part of a key.
constexpr std::int64_t max_key_parts = 1000;

void check_depth(const std::string& text, const std::string& path) {
  std::istringstream lines(text);
  std::string line;
  for (std::int64_t number = 1; std::getline(lines, line); ++number) {
    const auto key_end = line.begin() + static_cast<std::ptrdiff_t>(std::min(line.find('='), line.size()));
    if (std::count(line.begin(), key_end, '.') < max_key_parts) continue;
    throw UserError(
        fmt::format("{}:{}: a key of more than {} parts; accepted: [table] and key = value, as in the "
                    "workload files",
                    path, number, max_key_parts));
  }
}

}  // namespace

SuiteConfig parse_config(const std::string& text, const std::string& path, const std::vector<Override>& overrides) {
  ConfigSource source{path, {}};
  toml::table document;
  check_depth(text, path);
  try {
    document = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    throw UserError(
        fmt::format("{}:{}: not valid TOML: {}", path, error.source().begin.line, std::string(error.description())));
  }
  for (const Override& given : overrides) apply_override(document, source, given);

  TableReader reader(source, &document, "");
  SuiteConfig config;
  config.workload.name = reader.text("name", std::filesystem::path(path).stem().string());
  reader.require("model", "a table [model] with hidden, intermediate, experts, top_k");
  config.workload.model = read_model(reader.table("model"));
  config.workload.phases = read_phases(reader.table("phase"));
  config.workload.traffic = read_traffic(reader.table("traffic"));
  config.workload.balancing = read_balancing(reader.table("balancing"));
  config.run = read_run(reader.table("run"), source);
  reader.reject_unknown();
  if (const auto violation = first_violation(config.workload)) {
    source.fail(violation->key, node_at(document, violation->key), violation->message);
  }
  return config;
}

std::string to_toml(const SuiteConfig& config) {
  const Workload& workload = config.workload;
  const RunSettings& run = config.run;
  const ModelShape& model = workload.model;
  auto text = [](auto value) { return std::string(name(value)); };
  auto numbers = [](const std::vector<std::int64_t>& values) {
    toml::array array;
    for (const std::int64_t value : values) array.push_back(value);
    return array;
  };
  toml::table phase;
  for (const Phase& p : workload.phases) {
    phase.insert(name(p.kind), toml::table{{"tokens_per_rank", numbers(p.tokens_per_rank)}});
  }
  toml::table document{{"name", workload.name},
                       {"model", toml::table{{"hidden", model.hidden},
                                             {"intermediate", model.intermediate},
                                             {"experts", model.gate.num_experts},
                                             {"top_k", model.gate.top_k},
                                             {"score", text(model.gate.score)},
                                             {"groups", model.gate.groups},
                                             {"topk_groups", model.gate.topk_groups},
                                             {"group_score", text(model.gate.group_score)},
                                             {"softmax_after_topk", model.gate.softmax_after_topk},
                                             {"norm_topk", model.gate.norm_topk},
                                             {"routed_scale", model.gate.routed_scale},
                                             {"shared_experts", model.shared_experts},
                                             {"activation", text(model.activation)},
                                             {"moe_layers", model.moe_layers},
                                             {"dtype", text(model.dtype)},
                                             {"source", model.source}}},
                       {"phase", phase},
                       {"traffic", traffic_table(workload.traffic)},
                       {"balancing", balancing_table(workload.balancing)},
                       {"run", toml::table{{"benchmarks", run.benchmarks},
                                           {"warmup", run.sampling.warmup},
                                           {"min_samples", run.sampling.min_samples},
                                           {"samples", run.sampling.samples},
                                           {"max_time_s", run.sampling.max_time_s},
                                           {"target_ci", run.sampling.target_ci},
                                           {"part_time_limit_s", run.limits.part_s},
                                           {"preparation_time_limit_s", run.limits.preparation_s},
                                           {"seed", static_cast<std::int64_t>(run.seed)},
                                           {"expert_weights", text(run.expert_weights)}}}};
  document["run"].as_table()->insert("synchroniser", run.instruments.synchroniser);
  document["run"].as_table()->insert("clock", run.instruments.clock);
  insert_axis_settings(*document["run"].as_table(), run);
  if (!run.sweep.begin.empty()) {
    document["run"].as_table()->insert("begin", run.sweep.begin);
    document["run"].as_table()->insert("end", run.sweep.end.empty() ? run.sweep.begin : run.sweep.end);
    document["run"].as_table()->insert("factor", run.sweep.factor);
  }
  std::ostringstream out;
  out << document << '\n';
  return out.str();
}

}  // namespace moeperf
