#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>

namespace moeperf {

/// The values of a case on the axes that its benchmark varies over, by the axis' name. Benchmarks read them by the
/// functions beside each axis (benchmarks/axes/), such as kernel_of(spec).
class CaseSpec {
 public:
  CaseSpec() = default;
  CaseSpec(std::initializer_list<std::pair<const std::string, std::string>> values) : values_(values) {}

  /// "-" where the axis does not apply.
  const std::string& value(const std::string& axis) const {
    static const std::string none = "-";
    const auto found = values_.find(axis);
    return found == values_.end() ? none : found->second;
  }

  /// The same but for one axis.
  CaseSpec with(const std::string& axis, const std::string& value) const {
    CaseSpec other = *this;
    other.values_[axis] = value;
    return other;
  }

  bool operator==(const CaseSpec&) const = default;
  auto operator<=>(const CaseSpec&) const = default;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace moeperf
