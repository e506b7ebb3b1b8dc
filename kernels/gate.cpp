#include "kernels/gate.hpp"

#include "kernels/base/error.hpp"

namespace moeperf {

void Gate::backward(const GateState&, const GateBackward&) { throw UnsupportedError("this gate has no backward pass"); }

}  // namespace moeperf
