#pragma once

#include "kernels/base/view.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <span>

namespace moeperf {

struct ExpertShape {
  std::int64_t hidden = 0;        ///< H
  std::int64_t intermediate = 0;  ///< I
  Activation activation = Activation::swiglu;
  DType dtype = DType::bf16;  ///< of rows and weights; products accumulate in f32

  std::int64_t num_matrices() const { return activation == Activation::swiglu ? 3 : 2; }
  std::int64_t weight_bytes() const { return num_matrices() * hidden * intermediate * size_bytes(dtype); }
  /// FLOP of one row through one expert (two per multiply-add; the activation is not counted).
  std::int64_t flop_per_row() const { return 2 * num_matrices() * hidden * intermediate; }
  bool operator==(const ExpertShape&) const = default;
};

/// One expert's weights, row-major, output × input as checkpoints store them: gate [I,H] (empty for
/// relu), up [I,H], down [H,I], all of ExpertShape::dtype, host memory.
struct ExpertWeights {
  ConstRows gate, up, down;
};

/// The grouped feed-forward network of the experts that one rank holds:
/// swiglu: y = down · (silu(gate·x) ⊙ (up·x)); relu: y = down · relu(up·x).
/// Products accumulate in f32; silu(gate·x)⊙(up·x) is computed in f32 and rounded once to dtype.
/// Local; synchronous with the backend's queue.
class ExpertFfn {
 public:
  virtual ~ExpertFfn() = default;

  /// Copies one expert's weights into slot `slot`, in whatever layout the backend computes with.
  /// The views need not outlive the call.
  virtual void load(std::int32_t slot, const ExpertWeights& weights) = 0;

  /// in [N,H] grouped by local expert: rows [offsets[e], offsets[e+1]) belong to expert e, which uses
  /// the weights of slot_of_expert[e]. offsets has L+1 entries; groups may be empty. out [N,H], may
  /// not overlap `in`.
  virtual void forward(ConstRows in, std::span<const std::int64_t> offsets,
                       std::span<const std::int32_t> slot_of_expert, Rows out) = 0;

  /// FLOP that forward() executes for these groups, padding included.
  virtual std::int64_t executed_flop(std::span<const std::int64_t> offsets) const = 0;
};

/// One plain matrix product of the vendor library, C [M,N] = A [M,K] · B [K,N], of the operands in
/// kernels/gemm_operands.hpp, B packed beforehand: the bound that expert kernels are compared with.
class PlainGemm {
 public:
  virtual ~PlainGemm() = default;
  virtual void run() = 0;
  virtual std::int64_t flop() const = 0;  ///< 2·M·N·K
  /// C [M,N] where run() leaves it, in the backend's memory and the type that it computes. Whoever checks it poisons it
  /// before.
  virtual Rows product() = 0;
};

}  // namespace moeperf
