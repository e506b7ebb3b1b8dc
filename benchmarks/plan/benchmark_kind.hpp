#pragma once

#include "benchmarks/configuration/case_spec.hpp"
#include "harness/benchmark.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

class Problem;  // benchmarks/inputs/problem.hpp

/// A benchmark that, besides times, yields a trajectory for the report.
class TrajectorySource {
 public:
  virtual ~TrajectorySource() = default;
  /// Complete on rank 0 after Benchmark::finish.
  virtual const BalancingTrajectory& trajectory() const = 0;
};

/// Parts of a rank's memory, for estimates before anything is allocated (benchmarks/plan/memory_estimate.hpp).
enum class Need : std::uint8_t {
  router,          ///< gate weights and what balancing keeps
  tokens,          ///< hidden states, logits, outputs
  routed_experts,  ///< loaded, with the rows that they compute on
  shared_expert,
  copies,        ///< K copies of each of the rank's tokens
  exchange,      ///< rows sent and received, the dispatchers' buffers, those of baselines
  equal_blocks,  ///< an all-to-all of equal blocks
  trajectory,    ///< the load of every expert at every balancing step
};

/// A benchmark the suite knows: what it varies over, and how to make one case of it.
struct BenchmarkKind {
  std::string name;
  std::string summary;
  /// Place in a run, a report and `list`: balance, which leaves the state to the others; layer, the figure of merit, so
  /// that a run which is cut short has it; then its parts.
  int order = 0;
  std::vector<std::string> axes{};  ///< names of those that it varies over, beside the ones that apply by themselves
  std::vector<std::string>
      takes{};  ///< of those whose wanted values it takes all in one case, such as tune dispatchers
  std::function<std::unique_ptr<Benchmark>(Problem&, const CaseSpec&)> make{};
  bool only_by_name = false;  ///< not among `.*`: runs where the expression for the names says more than that
  bool runs_gate = false;     ///< makes its own choice of experts, so that a prescribed one is no use to it
  std::vector<Need> needs{};  ///< what prepare() and run() hold
  bool varies_over(const std::string& axis) const;
  bool asks_for(const std::string& axis) const;  ///< varies over it, or takes what is wanted on it
  bool has_need(Need need) const { return std::find(needs.begin(), needs.end(), need) != needs.end(); }
};

/// All kinds, by `order`.
const std::vector<BenchmarkKind>& benchmark_kinds();
/// Those that a run's expression for names asks for.
std::vector<const BenchmarkKind*> chosen_kinds(const std::string& expression);

/// A static one of these in a benchmark's file makes it known.
struct BenchmarkRegistration {
  explicit BenchmarkRegistration(BenchmarkKind kind);
};

}  // namespace moeperf
