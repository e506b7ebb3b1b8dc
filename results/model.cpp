#include "results/model.hpp"

namespace moeperf {

std::string name(Role role) {
  switch (role) {
    case Role::measured:
      return "measured";
    case Role::baseline:
      return "baseline";
    case Role::part:
      return "part";
  }
  return "unknown";
}

std::optional<Role> parse_role(const std::string& text) {
  for (const Role role : {Role::measured, Role::baseline, Role::part}) {
    if (text == name(role)) return role;
  }
  return std::nullopt;
}

std::string marked(const std::string& part, Role role) {
  return (role == Role::baseline ? "~" : role == Role::part ? "." : "") + part;
}

std::string name(StopReason reason) {
  switch (reason) {
    case StopReason::target_ci:
      return "target_ci";
    case StopReason::max_time:
      return "max_time";
    case StopReason::fixed_count:
      return "fixed_count";
  }
  return "?";
}

std::string CaseResult::on(const std::string& axis) const {
  const auto found = coordinates.find(axis);
  return found == coordinates.end() ? "-" : found->second;
}

}  // namespace moeperf
