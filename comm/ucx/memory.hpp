#pragma once

#include "comm/ucx/context.hpp"

#include <ucp/api/ucp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace moeperf {

/// Owning host memory that others may write. UCX allocates it, since then shared-memory transports write it in place.
class UcxMemory {
 public:
  static constexpr std::int64_t alignment = 4096;

  UcxMemory(std::shared_ptr<UcxContext> context, std::int64_t bytes);
  ~UcxMemory();
  UcxMemory(const UcxMemory&) = delete;
  UcxMemory& operator=(const UcxMemory&) = delete;

  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }
  /// What others make their UcxRemoteKey from: bytes, never empty.
  std::string key() const;

 private:
  std::shared_ptr<UcxContext> context_;
  ucp_mem_h memory_ = nullptr;
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// Owning, move-only right to write another rank's UcxMemory. Must not outlive the endpoint.
class UcxRemoteKey {
 public:
  UcxRemoteKey() = default;
  UcxRemoteKey(ucp_ep_h endpoint, const std::string& key);
  UcxRemoteKey(UcxRemoteKey&& other) noexcept : key_(std::exchange(other.key_, nullptr)) {}
  UcxRemoteKey& operator=(UcxRemoteKey&& other) noexcept {
    std::swap(key_, other.key_);
    return *this;
  }
  ~UcxRemoteKey() {
    if (key_ != nullptr) ucp_rkey_destroy(key_);
  }

  ucp_rkey_h get() const { return key_; }

 private:
  ucp_rkey_h key_ = nullptr;
};

}  // namespace moeperf
