#include "benchmarks/inputs/case_dispatcher.hpp"

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/configuration/axis.hpp"
#include "comm/wire_dispatcher.hpp"

#include <algorithm>

namespace moeperf {
namespace {

DispatchContext context_of(Problem& problem, const std::string& kernel, Communicator& comm) {
  const ModelShape& model = problem.workload().model;
  DispatchContext context(&comm, &problem.kernels(kernel), model.hidden, model.dtype, problem.placement(),
                          model.gate.top_k);
  context.host_kernels = &problem.backends().on_host();
  for (int rank = 0; rank < problem.comm().size(); ++rank) {
    context.max_tokens = std::max(context.max_tokens, problem.phase().tokens_of(rank));
  }
  return context;
}

}  // namespace

WireType wire_of(const Problem& problem, const CaseSpec& spec) {
  return wire_of(spec).value_or(native_wire_type(problem.workload().model.dtype));
}

std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec) {
  return make_dispatcher(problem, spec, problem.comm());
}

DispatchContext dispatch_context(Problem& problem, const CaseSpec& spec, Communicator& comm) {
  DispatchContext context = context_of(problem, kernel_of(spec), comm);
  context.wire = wire_of(spec);
  return context;
}

std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec, Communicator& comm) {
  return make_dispatcher(dispatcher_of(spec), dispatch_context(problem, spec, comm));
}

std::string best_dispatcher(Problem& problem, const std::string& kernel) {
  return dispatcher_registry().resolve({"auto"}, context_of(problem, kernel, problem.comm())).front();
}

std::vector<std::pair<std::string, std::string>> dispatchers_to_tune(Problem& problem, const CaseSpec& spec) {
  const DispatchContext context = carried_context(dispatch_context(problem, spec, problem.comm()));
  std::vector<std::string> wanted = problem.run_settings().wanted(dispatcher_axis);
  const bool unsaid = wanted == axis_named(dispatcher_axis).unsaid;
  if (unsaid) wanted = {"all"};
  std::vector<std::pair<std::string, std::string>> dispatchers;
  for (const std::string& name : dispatcher_registry().resolve(wanted, context)) {
    if (unsaid && name == "reference") continue;
    dispatchers.emplace_back(name, dispatcher_registry().why_not(dispatcher_registry().at(name), context).value_or(""));
  }
  return dispatchers;
}

}  // namespace moeperf
