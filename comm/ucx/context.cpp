#include "comm/ucx/context.hpp"

#include "comm/ucx/error.hpp"

namespace moeperf {
namespace {

struct ReleaseConfig {
  void operator()(ucp_config_t* config) const { ucp_config_release(config); }
};

}  // namespace

UcxContext::UcxContext() {
  ucp_config_t* config = nullptr;
  ucx_check(ucp_config_read(nullptr, nullptr, &config), "ucp_config_read");
  const std::unique_ptr<ucp_config_t, ReleaseConfig> owner(config);
  ucp_params_t params{};
  params.field_mask = UCP_PARAM_FIELD_FEATURES;
  params.features = UCP_FEATURE_RMA | UCP_FEATURE_AM;
  ucx_check(ucp_init(&params, config, &context_), "ucp_init");
}

std::shared_ptr<UcxContext> UcxContext::shared() {
  static std::weak_ptr<UcxContext> current;
  auto context = current.lock();
  if (!context) {
    context = std::make_shared<UcxContext>();
    current = context;
  }
  return context;
}

std::string UcxContext::memory_types() const {
  ucp_context_attr_t attributes{};
  attributes.field_mask = UCP_ATTR_FIELD_MEMORY_TYPES;
  ucx_check(ucp_context_query(context_, &attributes), "ucp_context_query");
  std::string names;
  for (int type = 0; type < UCS_MEMORY_TYPE_LAST; ++type) {
    if ((attributes.memory_types >> type & 1) == 0) continue;
    names += (names.empty() ? "" : ", ") + std::string(ucs_memory_type_names[type]);
  }
  return names;
}

}  // namespace moeperf
