#include "comm/dispatcher.hpp"

#include "comm/staged_dispatcher.hpp"
#include "comm/wire_dispatcher.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace moeperf {
namespace {

std::map<std::string, DispatcherMemory, std::less<>>& memory_rules() {
  static std::map<std::string, DispatcherMemory, std::less<>> rules;
  return rules;
}

}  // namespace

DispatcherRegistry& dispatcher_registry() {
  static DispatcherRegistry registry("dispatcher");
  return registry;
}

std::unique_ptr<Dispatcher> make_dispatcher(std::string_view name, const DispatchContext& context) {
  const DispatchContext carried = carried_context(context);
  auto dispatcher = dispatcher_registry().make(name, carried);
  if (!context.wire || *context.wire == native_wire_type(context.dtype)) return dispatcher;
  return std::make_unique<WireDispatcher>(context, std::move(dispatcher));
}

DispatcherRegistration::DispatcherRegistration(DispatcherRegistry::Entry entry, DispatcherMemory extra_bytes) {
  if (extra_bytes != nullptr) memory_rules().emplace(entry.name, extra_bytes);
  dispatcher_registry().add(staged_where_refused(std::move(entry)));
}

std::int64_t extra_memory_bytes(std::string_view dispatcher, const ExchangeVolume& volume) {
  const auto rule = memory_rules().find(dispatcher);
  return rule == memory_rules().end() ? 0 : rule->second(volume);
}

}  // namespace moeperf
