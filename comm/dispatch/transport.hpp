#pragma once

#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/backend.hpp"
#include "kernels/permute.hpp"
#include "kernels/placement.hpp"

#include <cstdint>
#include <memory>

namespace moeperf {

/// What the handles of one dispatcher share, as far as every algorithm has it; each adds its own buffers and messages.
struct Transport {
  explicit Transport(const DispatchContext& context)
      : comm(*context.comm),
        kernels(*context.kernels),
        placement(context.placement),
        permuter(kernels.make_permuter()),
        top_k(context.top_k),
        out(context.dispatch_format()),
        back(context.combine_format()) {}

  bool is_alone() const { return comm.size() == 1; }

  const Communicator& comm;
  KernelBackend& kernels;
  Placement placement;
  std::unique_ptr<Permuter> permuter;
  std::int32_t top_k;
  RowFormat out, back;  ///< of rows by way
};

}  // namespace moeperf
