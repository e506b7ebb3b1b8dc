#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/workload.hpp"
#include "results/recorded_array.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace moeperf {

/// Offline routing of recorded logits.
struct RouteOptions {
  std::string logits;               ///< HDF5 file with dataset `logits`, if wanted `mask` and `bias`
  LayoutRequest layout;             ///< of `logits`, where the file does not say
  std::string bias;                 ///< "FILE" or "FILE:DATASET": the bias of the first step; empty: `bias` of `logits`
  std::string out;                  ///< HDF5 file to write
  std::string scheme = "none";      ///< one of route_schemes()
  GivenValues settings;             ///< of the scheme
  GateConfig gate;                  ///< num_experts is taken from the file
  bool force = false;               ///< replace an existing output
  std::ostream* summary = nullptr;  ///< where rank 0 says in a line what was done; null: nowhere
};

/// The schemes that can be asked what they would do with recorded logits: all but those that replace the gate's choice.
std::vector<std::string> route_schemes();

/// Chooses experts for every recorded token as the gate would, in double, and writes choices, loads and,
/// for a scheme with a loss, loss and gradient (datasets: results/SCHEMA.md). The bias that the scheme
/// wants after a step is that of the next; a gradient changes nothing, since the logits are recorded. Padding (`mask`)
/// is routed nowhere and counted nowhere; an expert whose logit is -inf is not chosen, and a token that has fewer than
/// K others is an error. Tokens are split over the ranks in contiguous blocks; with global scope and no capacity the
/// datasets do not depend on the number of ranks. Collective; throws UserError on all ranks.
int run_route(const RouteOptions& options, const Communicator& comm);

}  // namespace moeperf
