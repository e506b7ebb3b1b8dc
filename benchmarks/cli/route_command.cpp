#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/route.hpp"
#include "benchmarks/cli/route_options.hpp"
#include "kernels/balancing/scheme.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <map>
#include <memory>
#include <set>

namespace moeperf {
namespace {

/// An option whose values are those of an enumeration's text form.
template <class Enum>
CLI::Option* add_choice(CLI::App& command, const std::string& flag, Enum& value, const std::string& what) {
  const auto set = [&value, flag](const std::string& text) {
    const auto parsed = parse<Enum>(text);
    if (!parsed) throw CLI::ValidationError(flag, fmt::format("'{}' given; accepted: {}", text, choices<Enum>()));
    value = *parsed;
  };
  return command.add_option_function<std::string>(flag, set, what)
      ->type_name(choices<Enum>())
      ->default_str(std::string(name(value)));
}

/// The texts of settings that were given, by their names: which scheme's they are is known at the end.
using GivenTexts = std::map<std::string, std::string>;

std::string type_name(const Setting& setting) {
  if (!setting.choices.empty()) return setting.accepted;
  if (std::holds_alternative<std::string>(setting.fallback)) return "TEXT";
  return std::holds_alternative<double>(setting.fallback) ? "FLOAT" : "INT";
}

/// One option for each setting that a scheme has; those of several schemes under one name are one option.
void add_scheme_options(CLI::App& command, const std::shared_ptr<GivenTexts>& given) {
  std::set<std::string> added;
  for (const std::string& scheme : route_schemes()) {
    for (const Setting& setting : scheme_registry().at(scheme).traits.settings) {
      if (!added.insert(setting.name).second) continue;
      const std::string flag = option_of(setting.name);
      const std::string help = fmt::format("{}: {}", fmt::join(schemes_with(setting.name), ", "), setting.help);
      if (std::holds_alternative<bool>(setting.fallback)) {
        command.add_flag_callback(
            flag, [given, name = setting.name] { (*given)[name] = "true"; }, help);
        continue;
      }
      command
          .add_option_function<std::string>(
              flag, [given, name = setting.name](const std::string& text) { (*given)[name] = text; }, help)
          ->type_name(type_name(setting))
          ->default_str(std::visit([](const auto& value) { return fmt::format("{}", value); }, setting.fallback));
    }
  }
}

/// The settings that were given, in the types of the scheme that was chosen or, where it has no such setting, of
/// another's: check_options() then says whose it is.
GivenValues settings_of(const std::string& scheme, const GivenTexts& given) {
  GivenValues values;
  for (const auto& [name, text] : given) {
    const Setting setting = find_setting(scheme, name).value_or(*find_setting(schemes_with(name).at(0), name));
    const auto value = parse_setting(setting, text);
    if (!value || (!setting.choices.empty() && why_not_accepted(setting, *value))) {
      throw CLI::ValidationError(option_of(name), fmt::format("'{}' given; accepted: {}", text, setting.accepted));
    }
    values[name] = *value;
  }
  return values;
}

}  // namespace

void add_route_command(CLI::App& app, Command& selected) {
  auto options = std::make_shared<RouteOptions>();
  options->gate.norm_topk = false;
  options->summary = &std::cout;
  CLI::App& command =
      *app.add_subcommand("route", "Routes recorded logits offline: choices, loads, bias, auxiliary loss and gradient");
  GateConfig& gate = options->gate;

  command
      .add_option("--logits", options->logits, "HDF5 file with 'logits' [T,E], or with steps or layers too: --layout")
      ->required();
  command.add_option("--layout", options->layout.layout,
                     "Order of the dimensions of 'logits' where the file has no attribute layout, "
                     "e.g. step,token,expert | token,layer,expert");
  command.add_option("--layer", options->layout.layer, "Which layer, where 'logits' has several")
      ->check(CLI::NonNegativeNumber);
  command.add_option("-o,--out", options->out, "HDF5 file to write")->required();
  command.add_flag("--force", options->force, "Replace the output file if it exists");
  command.add_option("--top-k", gate.top_k, "Experts per token")->required();
  command.add_option("--scheme", options->scheme, "Balancing scheme")
      ->check(CLI::IsMember(route_schemes()))
      ->capture_default_str();
  add_choice(command, "--score", gate.score, "Score of a logit");
  command.add_flag("--softmax-after-topk", gate.softmax_after_topk, "Weights are the softmax of the chosen logits");
  command.add_option("--groups", gate.groups, "Expert groups")->capture_default_str();
  CLI::Option* kept = command.add_option("--topk-groups", gate.topk_groups, "Groups kept per token (default: all)");
  add_choice(command, "--group-score", gate.group_score, "What a group is kept by");
  command.add_option("--bias", options->bias,
                     "Bias on the scores at the first step: FILE or FILE:DATASET (default: dataset 'bias' of the "
                     "logits' file, else 0)");
  command.add_flag("--norm-topk", gate.norm_topk, "Divide the weights by their sum");
  command.add_option("--routed-scale", gate.routed_scale, "Factor on the weights")->capture_default_str();
  const auto settings = std::make_shared<GivenTexts>();
  add_scheme_options(command, settings);

  command.callback([options, settings, kept, &selected] {
    options->settings = settings_of(options->scheme, *settings);
    if (kept->count() == 0) options->gate.topk_groups = options->gate.groups;
    selected.run = [options](Communicator& comm) { return run_route(*options, comm); };
  });
}

}  // namespace moeperf
