#pragma once

#include "kernels/base/view.hpp"
#include "kernels/row_groups.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <memory>
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

/// What a forward pass keeps for the backward passes of the same rows. Made by the ExpertFfn that fills and reads it;
/// one serves one layer at a time, and any number may be alive. Grows to the largest batch, in the backend's memory.
class SavedActivations {
 public:
  virtual ~SavedActivations() = default;
  /// Bytes of the backend's memory that it holds now.
  virtual std::int64_t bytes() const = 0;
};

/// Gradients of one weight set, f32, shapes as in ExpertWeights: gate (no rows for relu), up, down. In the backend's
/// memory.
struct ExpertGradients {
  Rows gate, up, down;
};

/// The grouped feed-forward network of the experts that one rank holds:
/// swiglu: y = down · (silu(gate·x) ⊙ (up·x)); relu: y = down · relu(up·x).
/// Products accumulate in f32; silu(gate·x)⊙(up·x) is computed in f32 and rounded once to dtype.
/// Local; ordered on the backend's queue. Rows and groups are in the backend's memory; `set_of_group` [L], read at
/// once, says which weight set the rows of each group use.
class ExpertFfn {
 public:
  virtual ~ExpertFfn() = default;

  /// Copies one expert's weights into weight set `set`, in whatever layout the backend computes with.
  /// The views need not outlive the call.
  virtual void load(std::int32_t set, const ExpertWeights& weights) = 0;

  /// in [N,H] → out [N,H], which may not overlap `in`. Groups may be empty. Rows in no group are not written.
  virtual void forward(ConstRows in, const RowGroups& groups, std::span<const std::int32_t> set_of_group, Rows out) = 0;

  /// FLOP that forward() executes for these groups, padding included. Of groups in host memory.
  virtual std::int64_t executed_flop(const RowGroups& groups) const = 0;

  // Training. Only where has_backward(); the others throw UnsupportedError.
  virtual bool has_backward() const { return false; }
  virtual std::unique_ptr<SavedActivations> make_saved() const;
  /// forward(), which keeps in `saved` what the two below need; `in` need not outlive the call.
  virtual void forward(ConstRows in, const RowGroups& groups, std::span<const std::int32_t> set_of_group, Rows out,
                       SavedActivations& saved);
  /// dy [N,H], gradient with respect to the outputs of the last forward() into `saved` → dx [N,H] with respect to its
  /// inputs, in dtype. The rounding of the inner activation counts as the identity.
  virtual void input_gradient(ConstRows dy, const SavedActivations& saved, const RowGroups& groups,
                              std::span<const std::int32_t> set_of_group, Rows dx);
  /// Adds to gradients[set], for each set, the sum over the rows of its groups.
  virtual void add_weight_gradient(ConstRows dy, const SavedActivations& saved, const RowGroups& groups,
                                   std::span<const std::int32_t> set_of_group,
                                   std::span<const ExpertGradients> gradients);
};

/// One plain matrix product of the vendor library, C [M,N] = A [M,K] · B [K,N], of the operands in
/// kernels/gemm_operands.hpp, B packed beforehand: the baseline that expert kernels are compared with.
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
