#include "harness/agreement.hpp"

#include <fmt/format.h>

#include <new>

namespace moeperf {

std::optional<std::string> failure_on_any_rank(const Communicator& comm, const std::function<void()>& body) {
  std::string failure;
  try {
    body();
  } catch (const std::bad_alloc&) {
    failure = "out of memory";
  } catch (const std::exception& error) {
    failure = error.what();
    if (failure.empty()) failure = "unnamed error";
  }
  return comm.first_reason(failure.empty() ? failure : fmt::format("rank {}: {}", comm.rank(), failure));
}

void on_root(const Communicator& comm, const std::function<void()>& body) {
  std::string outcome;
  if (comm.is_root()) {
    try {
      body();
    } catch (const UserError& error) {
      outcome = std::string("u") + error.what();
    } catch (const std::exception& error) {
      outcome = std::string("e") + error.what();
    }
  }
  outcome = comm.broadcast(outcome);
  if (outcome.empty()) return;
  if (outcome[0] == 'u') throw UserError(outcome.substr(1));
  throw Error(outcome.substr(1));
}

}  // namespace moeperf
