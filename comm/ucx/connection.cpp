#include "comm/ucx/connection.hpp"

#include <utility>

namespace moeperf {

UcxConnection::UcxConnection(const Communicator& comm) : kept_(kept_with(comm)) {
  if (kept_->idle.empty()) {
    kept_->idle.reserve(++kept_->made);  // so that putting it back cannot fail
    endpoints_ = std::make_unique<UcxEndpoints>(comm);
  } else {
    endpoints_ = std::move(kept_->idle.back());
    kept_->idle.pop_back();
  }
}

UcxConnection::~UcxConnection() {
  if (!endpoints_->usable()) return;
  endpoints_->forget_handlers();
  kept_->idle.push_back(std::move(endpoints_));
}

std::optional<std::string> UcxConnection::impossible(const Communicator& comm) {
  if (!comm.has_mpi()) return "needs MPI";
  const std::shared_ptr<Kept> kept = kept_with(comm);
  if (!std::exchange(kept->tried, true)) {
    try {
      const UcxConnection connection(comm);
    } catch (const UnsupportedError& error) {
      kept->reason = error.what();
    }
  }
  return kept->reason;
}

std::shared_ptr<UcxConnection::Kept> UcxConnection::kept_with(const Communicator& comm) {
  std::shared_ptr<void>& kept = comm.attachment("ucx");
  if (!kept) kept = std::make_shared<Kept>();
  return std::static_pointer_cast<Kept>(kept);
}

}  // namespace moeperf
