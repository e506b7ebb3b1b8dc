#include "kernels/expert.hpp"

#include "kernels/base/error.hpp"

namespace moeperf {
namespace {

[[noreturn]] void no_backward() { throw UnsupportedError("these expert kernels have no backward pass"); }

}  // namespace

std::unique_ptr<SavedActivations> ExpertFfn::make_saved() const { no_backward(); }

void ExpertFfn::forward(ConstRows, const RowGroups&, std::span<const std::int32_t>, Rows, SavedActivations&) {
  no_backward();
}

void ExpertFfn::input_gradient(ConstRows, const SavedActivations&, const RowGroups&, std::span<const std::int32_t>,
                               Rows) {
  no_backward();
}

void ExpertFfn::add_weight_gradient(ConstRows, const SavedActivations&, const RowGroups&, std::span<const std::int32_t>,
                                    std::span<const ExpertGradients>) {
  no_backward();
}

}  // namespace moeperf
