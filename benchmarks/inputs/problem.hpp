#pragma once

#include "benchmarks/configuration/config.hpp"
#include "benchmarks/inputs/expert_bank.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/backends.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/optimizer.hpp"
#include "kernels/traffic/pattern.hpp"
#include "results/report.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace moeperf {

/// What a balancing scheme has reached with one kernel: the router after its last update, and the routing of the batch
/// that is measured.
struct SchemeState {
  /// What is dispatched, in the memory of the kernels: `routing` itself where that is the host's.
  const Routing& dispatched() const { return on_device ? *on_device : routing; }

  GateState gate;
  Routing chosen;              ///< by the gate
  Routing routing;             ///< after the scheme's revision (drops, or the ideal choice): what is dispatched
  std::uint64_t checksum = 0;  ///< of `routing`, over all ranks
  std::optional<Routing> on_device;
};

/// One workload in one phase on these ranks: tokens, router, experts, and the state that each balancing
/// scheme reached. Everything is made on first use and kept for the cases that follow. The functions
/// marked collective must be called by all ranks.
class Problem {
 public:
  Problem(const Workload& workload, const Phase& phase, const RunSettings& run, Communicator& comm, ExpertBank& bank);

  const Workload& workload() const { return workload_; }
  const Phase& phase() const { return phase_; }
  Communicator& comm() const { return comm_; }
  const RunSettings& run_settings() const { return run_; }
  std::uint64_t seed() const { return run_.seed; }
  const Placement& placement() const { return placement_; }
  const WeightAssignment& weights() const { return weights_; }

  std::int64_t num_tokens() const { return phase_.tokens_of(comm_.rank()); }
  std::int64_t first_token() const { return first_token_; }  ///< global index
  std::int64_t tokens_global() const { return tokens_global_; }

  Backends& backends() const { return bank_.backends(); }
  KernelBackend& kernels(const std::string& name);
  const TrafficPattern& traffic();
  const GateState& initial_gate();
  /// Hidden states [T,H] of the batch that is measured, that of `measured_step` whatever the number of balancing steps.
  ConstRows x();
  /// The same in the memory of a kernel backend: x() itself where that is the host's.
  ConstRows x(const std::string& kernel);

  std::unique_ptr<BalancingScheme> make_scheme(const std::string& name);
  /// Carries out what schemes return.
  RouterOptimizer make_optimizer();
  /// Collective. Runs the scheme's balancing steps if nobody did yet. Where the traffic prescribes the routing, takes
  /// that, and no other scheme than `none`.
  const SchemeState& state(const std::string& scheme, const std::string& kernel);
  /// Collective. Gives the router that balancing steps have reached, so that state() need not repeat them.
  void adopt(const std::string& scheme, const std::string& kernel, GateState reached);

  ExpertFfn& experts(const std::string& kernel);
  ExpertFfn* shared_expert(const std::string& kernel);

 private:
  /// Collective. Completes a state from its choice and routing, and keeps it.
  void keep(const std::string& scheme, const std::string& kernel, SchemeState state);
  /// Collective. True where the traffic prescribes the routing, which then is the scheme's state.
  bool adopt_prescribed(const std::string& scheme, const std::string& kernel);

  const Workload& workload_;
  Phase phase_;
  const RunSettings& run_;
  Communicator& comm_;
  ExpertBank& bank_;
  MpiReducer reducer_;
  Placement placement_;
  WeightAssignment weights_;
  std::int64_t first_token_ = 0;
  std::int64_t tokens_global_ = 0;
  std::unique_ptr<GateState> initial_gate_;
  std::unique_ptr<TrafficPattern> traffic_;
  std::unique_ptr<RowBuffer> x_;
  std::map<std::string, RowBuffer> x_on_device_;                       ///< by kernel
  std::map<std::pair<std::string, std::string>, SchemeState> states_;  ///< by scheme and kernel
};

}  // namespace moeperf
