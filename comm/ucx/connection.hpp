#pragma once

#include "comm/ucx/endpoints.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// Endpoints for the use of one exchange at a time: idle ones that the communicator keeps, or new ones where there are
/// none. They go back when this is destroyed and are closed when the communicator is freed, so that a rank connects
/// once however many dispatchers come and go. Making and destroying are collective; throws as UcxEndpoints does.
///
/// What is sent to a rank must wait until that has made its connection, too: any collective operation in between does.
class UcxConnection {
 public:
  explicit UcxConnection(const Communicator& comm);
  ~UcxConnection();
  UcxConnection(const UcxConnection&) = delete;
  UcxConnection& operator=(const UcxConnection&) = delete;

  UcxEndpoints& operator*() const { return *endpoints_; }
  UcxEndpoints* operator->() const { return endpoints_.get(); }

  /// Why UCX cannot connect these ranks; nothing when it can. Collective, and the same on all ranks. Tried once per
  /// communicator.
  static std::optional<std::string> impossible(const Communicator& comm);

 private:
  /// What a communicator keeps.
  struct Kept {
    bool tried = false;
    std::optional<std::string> reason;
    std::vector<std::unique_ptr<UcxEndpoints>> idle;
    std::size_t made = 0;
  };
  static std::shared_ptr<Kept> kept_with(const Communicator& comm);

  std::shared_ptr<Kept> kept_;
  std::unique_ptr<UcxEndpoints> endpoints_;
};

}  // namespace moeperf
