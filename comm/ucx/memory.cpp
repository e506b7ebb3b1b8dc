#include "comm/ucx/memory.hpp"

#include "comm/ucx/error.hpp"

namespace moeperf {

UcxMemory::UcxMemory(std::shared_ptr<UcxContext> context, std::int64_t bytes)
    : context_(std::move(context)), bytes_(bytes) {
  ucp_mem_map_params_t params{};
  params.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS;
  params.length = static_cast<std::size_t>(bytes + alignment);
  params.flags = UCP_MEM_MAP_ALLOCATE;
  ucx_check(ucp_mem_map(context_->get(), &params, &memory_), "ucp_mem_map");
  ucp_mem_attr_t attributes{};
  attributes.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS | UCP_MEM_ATTR_FIELD_LENGTH;
  if (const ucs_status_t status = ucp_mem_query(memory_, &attributes); status != UCS_OK) {
    ucp_mem_unmap(context_->get(), memory_);
    throw UcxError("ucp_mem_query", status);
  }
  void* first = attributes.address;
  std::size_t space = attributes.length;
  data_ = static_cast<std::byte*>(std::align(alignment, static_cast<std::size_t>(bytes), first, space));
}

UcxMemory::~UcxMemory() { ucp_mem_unmap(context_->get(), memory_); }

std::string UcxMemory::key() const {
  void* buffer = nullptr;
  std::size_t length = 0;
  ucx_check(ucp_rkey_pack(context_->get(), memory_, &buffer, &length), "ucp_rkey_pack");
  std::string bytes(static_cast<const char*>(buffer), length);
  ucp_rkey_buffer_release(buffer);
  return bytes;
}

UcxRemoteKey::UcxRemoteKey(ucp_ep_h endpoint, const std::string& key) {
  ucx_check(ucp_ep_rkey_unpack(endpoint, key.data(), &key_), "ucp_ep_rkey_unpack");
}

}  // namespace moeperf
