#pragma once

#include "comm/dispatcher.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/expert.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moeperf {

/// What a MoeLayer is made of. Whatever is pointed to outlives it.
struct LayerConfig {
  /// Communicator, kernels, rows, placement, wire, largest batch.
  DispatchContext exchange;
  std::string dispatcher;                   ///< a name in dispatcher_registry()
  std::int64_t chunks = 1;                  ///< parts of the batch whose exchanges overlap with the others' experts
  GateConfig gate;                          ///< over logical experts
  ExpertFfn* experts = nullptr;             ///< those of this rank
  std::vector<std::int32_t> set_of_expert;  ///< [L], weight set of each physical expert of this rank
  ExpertFfn* shared_expert = nullptr;       ///< with one weight set; null: none
  BalancingScheme* scheme = nullptr;        ///< which may revise the gate's choice; null: nobody does
  bool keeps_choice = false;                ///< whether chosen() is wanted: what a scheme's update goes by
};

}  // namespace moeperf
