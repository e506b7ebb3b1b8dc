#include "benchmarks/inputs/problem.hpp"

#include "benchmarks/inputs/balancing_steps.hpp"
#include "harness/machine.hpp"
#include "kernels/gate_on_host.hpp"
#include "kernels/routing_copies.hpp"
#include "kernels/traffic/initial_weights.hpp"

namespace moeperf {

Problem::Problem(const Workload& workload, const Phase& phase, const RunSettings& run, Communicator& comm,
                 ExpertBank& bank)
    : workload_(workload),
      phase_(phase),
      run_(run),
      comm_(comm),
      bank_(bank),
      reducer_(comm),
      placement_(workload.model.gate.num_experts, comm.size()),
      weights_(workload.model, placement_, run.expert_weights, last_level_cache_bytes()) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank == comm.rank()) first_token_ = tokens_global_;
    tokens_global_ += phase.tokens_of(rank);
  }
}

KernelBackend& Problem::kernels(const std::string& name) { return backends().get(name); }

const GateState& Problem::initial_gate() {
  if (!initial_gate_) initial_gate_ = std::make_unique<GateState>(initial_gate_state(workload_.model, run_.seed));
  return *initial_gate_;
}

const TrafficPattern& Problem::traffic() {
  if (!traffic_) {
    traffic_ = traffic_registry().make(workload_.traffic.pattern, {&workload_, run_.seed, &initial_gate()});
  }
  return *traffic_;
}

ConstRows Problem::x() {
  if (!x_) {
    auto x = std::make_unique<RowBuffer>(num_tokens(), workload_.model.hidden, workload_.model.dtype);
    traffic().hidden_states(measured_step, first_token_, x->rows());
    x_ = std::move(x);
  }
  return std::as_const(*x_).rows();
}

ConstRows Problem::x(const std::string& kernel) {
  KernelBackend& backend = kernels(kernel);
  if (backend.memory().space() == MemorySpace::host) return x();
  const auto found = x_on_device_.find(kernel);
  if (found != x_on_device_.end()) return std::as_const(found->second).rows();
  RowBuffer copy(num_tokens(), x().format(), backend.memory());
  backend.queue().copy(x(), copy.rows());
  backend.queue().wait();
  return std::as_const(x_on_device_.emplace(kernel, std::move(copy)).first->second).rows();
}

std::unique_ptr<BalancingScheme> Problem::make_scheme(const std::string& name) {
  return moeperf::make_scheme(name, workload_.model.gate, workload_.balancing, reducer_);
}

RouterOptimizer Problem::make_optimizer() { return {workload_.model.gate, workload_.balancing.optimizer, reducer_}; }

void Problem::adopt(const std::string& scheme, const std::string& kernel, GateState reached) {
  SchemeState state;
  state.gate = std::move(reached);
  GateOnHost(kernels(kernel), workload_.model.gate, workload_.model.hidden)
      .forward(x(), state.gate, nullptr, state.chosen);
  state.routing = state.chosen;
  make_scheme(scheme)->revise(state.routing, first_token_);
  keep(scheme, kernel, std::move(state));
}

void Problem::keep(const std::string& scheme, const std::string& kernel, SchemeState state) {
  state.checksum = comm_.sum_mod64(routing_checksum(state.routing, first_token_));
  KernelBackend& backend = kernels(kernel);
  if (backend.memory().space() == MemorySpace::device) {
    state.on_device.emplace(backend.memory());
    copy_routing(backend.queue(), state.routing, *state.on_device);
    backend.queue().wait();
  }
  states_[{scheme, kernel}] = std::move(state);
}

bool Problem::adopt_prescribed(const std::string& scheme, const std::string& kernel) {
  SchemeState state;
  if (!traffic().prescribe(measured_step, first_token_, num_tokens(), state.chosen)) return false;
  if (scheme != "none") throw Error("traffic '" + workload_.traffic.pattern + "' leaves no choice to a scheme");
  state.gate = copy_of(initial_gate());
  state.routing = state.chosen;
  keep(scheme, kernel, std::move(state));
  return true;
}

const SchemeState& Problem::state(const std::string& scheme, const std::string& kernel) {
  const std::pair key{scheme, kernel};
  const auto found = states_.find(key);
  if (found != states_.end()) return found->second;
  if (adopt_prescribed(scheme, kernel)) return states_.at(key);
  BalancingSteps steps(*this, scheme, kernel);
  if (make_scheme(scheme)->changes_router()) steps.run_all_steps();
  adopt(scheme, kernel, steps.take_state());
  return states_.at(key);
}

ExpertFfn& Problem::experts(const std::string& kernel) {
  return bank_.routed(workload_.model, kernel, weights_, comm_.rank(), run_.seed);
}

ExpertFfn* Problem::shared_expert(const std::string& kernel) {
  return bank_.shared(workload_.model, kernel, run_.seed);
}

}  // namespace moeperf
