#include "results/report.hpp"

#include "results/schema.hpp"

#include <numeric>

namespace moeperf {

WorkModel& WorkModel::operator+=(const WorkModel& more) {
  for (const auto& [name, field] : schema::work_fields) this->*field += more.*field;
  return *this;
}

std::int64_t Samples::num_samples() const {
  return std::accumulate(launch_sizes.begin(), launch_sizes.end(), std::int64_t{0});
}

std::string name(Role role) { return role == Role::measured ? "measured" : "baseline"; }

std::optional<Role> parse_role(const std::string& text) {
  for (const Role role : {Role::measured, Role::baseline}) {
    if (text == name(role)) return role;
  }
  return std::nullopt;
}

std::string marked(const std::string& part, Role role) { return (role == Role::baseline ? "~" : "") + part; }

std::string marked_meter(const std::string& meter) { return "." + meter; }

std::string name(AcrossRanks across_ranks) { return across_ranks == AcrossRanks::max ? "max" : "sum"; }

std::optional<AcrossRanks> parse_across_ranks(const std::string& text) {
  for (const AcrossRanks across_ranks : {AcrossRanks::max, AcrossRanks::sum}) {
    if (text == name(across_ranks)) return across_ranks;
  }
  return std::nullopt;
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
