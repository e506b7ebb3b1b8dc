#pragma once

#include "comm/mpi/communicator.hpp"

#include <memory>
#include <optional>
#include <string>

namespace moeperf {

/// What `probe` says of these ranks: asked once for a communicator, since it costs time and its answer stays the same.
/// Collective where the probe is.
template <class Probe>
std::optional<std::string> kept_reason(const Communicator& comm, const std::string& name, Probe probe) {
  std::shared_ptr<void>& kept = comm.attachment(name);
  if (!kept) kept = std::make_shared<std::optional<std::string>>(probe());
  return *static_cast<const std::optional<std::string>*>(kept.get());
}

}  // namespace moeperf
