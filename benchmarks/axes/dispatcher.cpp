#include "benchmarks/axes/dispatcher.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/configuration/axis.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/wire_dispatcher.hpp"
#include "kernels/backends.hpp"

#include <algorithm>

namespace moeperf {
namespace {

/// Which can run, and what `auto` means, may depend on the kernel's memory and on the wire.
std::vector<AxisValue> values(const AxisContext& context) {
  Backends& backends = *context.backends;
  const std::string& kernel = kernel_of(context.chosen);
  if (kernel_registry().why_not(kernel_registry().at(kernel), backends.context())) return {{"-"}};  // not asked then
  const RunSettings& run = context.config.run;
  const Workload& workload = context.config.workload;
  const ModelShape& model = workload.model;
  DispatchContext exchange{&context.comm,
                           &backends.get(kernel),
                           model.hidden,
                           model.dtype,
                           Placement(model.gate.num_experts, context.comm.size()),
                           model.gate.top_k};
  exchange.host_kernels = &backends.on_host();
  exchange.wire = wire_of(context.chosen);
  for (const Phase& phase : workload.phases) {
    exchange.max_tokens = std::max(exchange.max_tokens, std::ranges::max(phase.tokens_per_rank));
  }
  const DispatchContext carried = carried_context(exchange);
  std::vector<AxisValue> values;
  for (const std::string& name : dispatcher_registry().resolve(run.wanted(dispatcher_axis), carried)) {
    const auto reason = dispatcher_registry().why_not(dispatcher_registry().at(name), carried);
    values.push_back({name, reason.value_or(""), run.names(dispatcher_axis, name)});
  }
  return values;
}

const AxisRegistration registration({.name = dispatcher_axis, .heading = "dispatcher {}", .heading_place = 50},
                                    {.order = 50,
                                     .key = "dispatchers",
                                     .option = "--dispatcher",
                                     .help = "Names, or all, or auto: what most codes do; see `moeperf tune` [auto]",
                                     .unsaid = {"auto"},
                                     .nest = 40,
                                     .depends_on = {kernel_axis, wire_axis},
                                     .values = values,
                                     .id = "{}"});

}  // namespace
}  // namespace moeperf
