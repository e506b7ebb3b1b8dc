#pragma once

#include "kernels/backends.hpp"
#include "kernels/list_copies.hpp"
#include "tests/comm/conformance_cases.hpp"
#include "tests/comm/single_exchange.hpp"
#include "tests/fake_device.hpp"

#include <optional>
#include <string>

namespace moeperf::test {

/// The kernels that pack and sum rows on the host.
inline KernelBackend& host_kernels() {
  static Backends backends({1});
  return backends.on_host();
}

inline DispatchContext device_context(const ExchangeCase& spec, Communicator& comm, KernelBackend& device) {
  DispatchContext context(&comm, &device, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = spec.most_tokens(comm.size());
  context.host_kernels = &host_kernels();
  return context;
}

/// Dispatch, experts, combine with all rows in the fake device's memory. The first thing wrong on this rank.
inline std::optional<std::string> first_device_fault(SingleExchange& dispatcher, FakeDeviceKernels& device,
                                                     const ExchangeCase& spec, const Communicator& comm, bool split) {
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const std::int64_t count = spec.tokens(comm.rank(), comm.size());
  const RowBuffer x = device.to_device(spec.hidden_states(first, count).rows());
  const Routing routing = device.to_device(spec.routing(first, count));
  if (split) dispatcher.start_dispatch(x.rows(), routing);
  dispatcher.progress();
  const ReceivedTokens received = split ? dispatcher.finish_dispatch() : dispatcher.dispatch(x.rows(), routing);
  const ExpectedTokens want = expected_tokens(spec, comm.rank(), comm.size());
  std::optional<std::string> fault;
  if (received.rows.space() != MemorySpace::device) fault = "dispatch: rows on the host";
  if (!fault) {
    const RowBuffer copy = device.to_host(received.rows);
    ListOnHost<std::int64_t> list;
    const RowGroups groups = RowGroups::contiguous(list.of(received.groups.offsets, device.queue()));
    if (auto wrong = difference(ReceivedTokens{copy.rows(), groups}, want.view())) fault = "dispatch: " + *wrong;
  }

  const Placement placement(spec.num_experts, comm.size());
  const RowBuffer expert_out =
      device.to_device(expert_out_of(want.view(), placement.first_expert(comm.rank()), false).rows());
  RowBuffer out(count, spec.hidden, spec.dtype, device.memory());
  if (split) {
    dispatcher.start_combine(expert_out.rows());
    dispatcher.progress();
    dispatcher.finish_combine(out.rows());
  } else {
    dispatcher.combine(expert_out.rows(), out.rows());
  }
  const RowBuffer sums = device.to_host(std::as_const(out).rows());
  const auto wrong = difference(sums.rows(), expected_sum(spec, comm, dispatcher.combine_order(), false).rows());
  if (!fault && wrong) fault = "combine: " + *wrong;
  return fault;
}

}  // namespace moeperf::test
