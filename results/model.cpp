#include "results/model.hpp"

namespace moeperf {

std::string name(StopReason reason) {
  switch (reason) {
    case StopReason::target_ci:
      return "target_ci";
    case StopReason::max_time:
      return "max_time";
    case StopReason::fixed_count:
      return "fixed_count";
  }
  return "?";
}

}  // namespace moeperf
