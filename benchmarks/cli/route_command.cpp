#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/route.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>

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

}  // namespace

void add_route_command(CLI::App& app, Command& selected) {
  auto options = std::make_shared<RouteOptions>();
  options->gate.norm_topk = false;
  options->summary = &std::cout;
  CLI::App& command =
      *app.add_subcommand("route", "Routes recorded logits offline: choices, loads, bias, auxiliary loss and gradient");
  GateConfig& gate = options->gate;
  AuxLossConfig& aux = options->aux_loss;
  LossFreeConfig& free = options->loss_free;

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
      ->check(CLI::IsMember({"none", "aux-loss", "loss-free"}))
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
  command.add_option("--bias-rate", free.bias_rate, "loss-free: step u of the bias")->capture_default_str();
  add_choice(command, "--bias-rule", free.bias_rule, "loss-free: how the bias moves");
  command.add_flag("--center", free.center, "loss-free: subtract the mean of the bias' step");
  command.add_option("--alpha", aux.alpha, "aux-loss: coefficient")->capture_default_str();
  add_choice(command, "--aux-scope", aux.scope, "aux-loss: tokens that share one loss");
  command
      .add_option("--sequence-length", aux.sequence_length, "aux-loss: tokens of a sequence (0: a rank's whole block)")
      ->capture_default_str();
  command
      .add_option("--capacity-factor", aux.capacity_factor,
                  "Drop copies over factor*K*T/E per expert and rank (0: none)")
      ->capture_default_str();
  add_choice(command, "--drop-policy", aux.drop_policy, "Which copies stay under the capacity");

  command.callback([options, kept, &selected] {
    if (kept->count() == 0) options->gate.topk_groups = options->gate.groups;
    selected.run = [options](Communicator& comm) { return run_route(*options, comm); };
  });
}

}  // namespace moeperf
