#pragma once

#include "benchmarks/cli/route.hpp"
#include "results/logits_file.hpp"
#include "results/routing_file.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// Throws UserError, in the words of the command line, for options that break a rule of workloads or contradict each
/// other. gate.num_experts must be known.
void check_options(const RouteOptions& options);

/// What a setting of a scheme is called on the command line: bias_rate is --bias-rate. Schemes whose settings have a
/// name in common share the option.
std::string option_of(const std::string& setting);

/// A scheme's setting of that name, if it has one; throws UserError for unknown schemes.
std::optional<Setting> find_setting(const std::string& scheme, const std::string& name);
/// Those of route_schemes() that have it.
std::vector<std::string> schemes_with(const std::string& setting);

/// All settings of the scheme that is asked for.
Settings route_settings(const RouteOptions& options);

/// Whether that scheme has a loss.
bool has_loss(const RouteOptions& options);

/// Where the bias of the first step stands; a path of nothing where there is none.
struct BiasSource {
  std::string path, dataset = "bias";
  std::string text() const { return path.empty() ? "none" : path + ":" + dataset; }
};

/// What --bias names, or the bias beside the logits.
BiasSource bias_source(const RouteOptions& options, bool logits_have_bias);

/// How it was routed, for the file that says where to.
std::vector<RoutingWriter::Attribute> attributes_of(const RouteOptions& options, const LogitsReader& logits);

}  // namespace moeperf
