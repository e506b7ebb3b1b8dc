#include "kernels/balancing/scheme.hpp"

namespace moeperf {
namespace {

/// The router as it was drawn: what all other schemes are compared with.
class None final : public BalancingScheme {
 public:
  std::string_view name() const override { return "none"; }
  bool changes_router() const override { return false; }
  RouterChange update(const GateBatch&, SchemeMemory&) override { return {}; }
};

const Registration registration(scheme_registry(),
                                {.name = "none",
                                 .summary = "no balancing: the router as it was drawn",
                                 .priority = 0,
                                 .unsupported_reason = {},
                                 .make = [](const SchemeContext&) { return std::make_unique<None>(); },
                                 .missing_option = {}});

}  // namespace
}  // namespace moeperf
