#pragma once

#include "benchmarks/cli/route.hpp"
#include "results/logits_file.hpp"
#include "results/routing_file.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// Throws UserError, in the words of the command line, for options that break a rule of workloads or contradict each
/// other. gate.num_experts must be known.
void check_options(const RouteOptions& options);

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
