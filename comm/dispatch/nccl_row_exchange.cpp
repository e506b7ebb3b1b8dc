#include "comm/dispatch/nccl_row_exchange.hpp"

#include "comm/one_gpu_per_rank.hpp"
#include "kernels/base/host_name.hpp"
#include "kernels/cuda/device.hpp"
#include "kernels/cuda/error.hpp"
#include "kernels/cuda/memory.hpp"

#include <vector>

namespace moeperf {
namespace {

bool rows_on_host(const DispatchContext& context) { return context.kernels->memory().space() == MemorySpace::host; }

/// Kernels on CUDA have chosen their device; else the ranks of a node, as it really is, take its devices in turn.
CudaDevice own_device(const Communicator& true_nodes, bool host_rows) {
  return host_rows ? cuda_device_of(true_nodes.rank_on_node()) : current_cuda_device();
}

/// Before anything is made on it.
bool use_own_device(const DispatchContext& context) {
  const bool host_rows = rows_on_host(context);
  if (host_rows) {
    const Communicator true_nodes(context.comm->get());
    const CudaDevice device = own_device(true_nodes, host_rows);
    if (device.reason.empty()) cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  }
  return host_rows;
}

}  // namespace

std::optional<std::string> nccl_unsupported(const DispatchContext& context) {
  const bool host_rows = rows_on_host(context);
  if (!host_rows && context.kernels->memory().runtime() != "cuda") return "NCCL knows no memory of this device";
  if (!context.comm->has_mpi()) return "needs MPI";
  const Communicator true_nodes(context.comm->get());
  const CudaDevice device = own_device(true_nodes, host_rows);
  const auto hosts = true_nodes.gather(host_name());
  const auto bus_ids = true_nodes.gather(device.bus_id);
  const auto reasons = true_nodes.gather(device.reason);
  std::vector<RankGpu> ranks;
  for (std::size_t r = 0; r < hosts.size(); ++r) {
    ranks.push_back({hosts[r], true_nodes.node_of_rank()[r], bus_ids[r], reasons[r]});
  }
  const std::string reason = true_nodes.broadcast(why_not_one_gpu_per_rank(ranks).value_or(""));
  return reason.empty() ? std::nullopt : std::optional(reason);
}

NcclRowExchange::NcclRowExchange(const DispatchContext& context)
    : comm_(*context.comm),
      formats_{context.dispatch_format(), context.combine_format()},
      host_rows_(use_own_device(context)),
      nccl_(comm_) {}

MemoryResource* NcclRowExchange::memory() { return host_rows_ ? &cuda_pinned_memory() : nullptr; }

std::string NcclRowExchange::row_path() const {
  return host_rows_ ? "host, staged through pinned host memory to the GPU of each rank"
                    : "device, handed to NCCL as they are";
}

}  // namespace moeperf
