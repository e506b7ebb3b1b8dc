#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/base/error.hpp"

#include <functional>
#include <optional>
#include <string>

namespace moeperf {

/// Runs `body` on every rank and agrees on the outcome: nothing when all ranks got through, else, on
/// every rank, the first failing rank's message with its rank. Collective; `body` itself must not
/// leave other ranks waiting in a collective call of its own when it throws.
std::optional<std::string> failure_on_any_rank(const Communicator& comm, const std::function<void()>& body);

/// Runs `body` on rank 0 only; when it throws a UserError or another exception, every rank throws the
/// same kind with the same message. Collective.
void on_root(const Communicator& comm, const std::function<void()>& body);

}  // namespace moeperf
