#pragma once

#include "kernels/base/error.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moeperf {

/// Named implementations of one interface, chosen at run time.
///
/// Each implementation's file registers itself with a static Registration; a backend whose
/// dependency was missing at configure time is registered as absent (cmake/MoeperfLayer.cmake
/// writes that), so that three different questions get three different answers: unknown name,
/// known but not compiled, compiled but unsupported here.
///
/// `Context` is what an implementation needs to be probed and made, for example a communicator; `Traits` what is to be
/// known of it before, for example its settings.
template <class Interface, class Context, class Traits = std::monostate>
class Registry {
 public:
  struct Entry {
    std::string name;
    std::string summary;  ///< one line for `moeperf list`
    int priority = 0;     ///< `auto` takes the usable entry with the highest
    /// Nothing when usable here, else the reason why not. Collective where Context is.
    std::function<std::optional<std::string>(const Context&)> unsupported_reason;
    std::function<std::unique_ptr<Interface>(const Context&)> make;
    std::string missing_option{};  ///< not empty: not compiled; the option or package that turns it on
    Traits traits{};
  };

  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  void add(Entry entry) {
    if (find(entry.name) != nullptr) throw Error("two " + kind_ + "s are registered as '" + entry.name + "'");
    entries_.push_back(std::move(entry));
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  }

  /// Ordered by name.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::string& kind() const { return kind_; }

  /// Why `entry` cannot run here; nothing when it can.
  std::optional<std::string> why_not(const Entry& entry, const Context& context) const {
    if (!entry.missing_option.empty()) return "not compiled in: " + entry.missing_option;
    return entry.unsupported_reason ? entry.unsupported_reason(context) : std::nullopt;
  }

  /// The entry of that name. Throws UserError that lists the known names.
  const Entry& at(std::string_view name) const {
    if (const Entry* entry = find(name)) return *entry;
    throw UserError("unknown " + kind_ + " '" + std::string(name) + "'; known: " + known_names());
  }

  /// Makes the named implementation. Throws UserError (unknown) or UnsupportedError (with reason).
  std::unique_ptr<Interface> make(std::string_view name, const Context& context) const {
    const Entry& entry = at(name);
    if (auto reason = why_not(entry, context)) {
      throw UnsupportedError(kind_ + " '" + entry.name + "' cannot run here: " + *reason);
    }
    return entry.make(context);
  }

  /// Turns a user's list (names, `all`, `auto`) into names of entries, in the order given, each
  /// once. `auto` is the usable entry of the highest priority. Unknown names throw UserError; known
  /// ones that cannot run are returned too, so that the caller records the skip.
  std::vector<std::string> resolve(const std::vector<std::string>& wanted, const Context& context) const {
    std::vector<std::string> names;
    auto append = [&](const std::string& name) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const std::string& want : wanted) {
      if (want == "all") {
        for (const Entry& entry : entries_) append(entry.name);
      } else if (want == "auto") {
        append(best(context).name);
      } else {
        append(at(want).name);
      }
    }
    return names;
  }

 private:
  const Entry* find(std::string_view name) const {
    auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
    return it == entries_.end() ? nullptr : &*it;
  }

  const Entry& best(const Context& context) const {
    const Entry* found = nullptr;
    for (const Entry& entry : entries_) {
      const bool better = found == nullptr || entry.priority > found->priority;
      if (better && !why_not(entry, context)) found = &entry;
    }
    if (found == nullptr) throw UnsupportedError("no " + kind_ + " can run here");
    return *found;
  }

  std::string known_names() const {
    std::string names;
    for (const Entry& entry : entries_) names += (names.empty() ? "" : ", ") + entry.name;
    return names;
  }

  std::string kind_;
  std::vector<Entry> entries_;
};

/// Registers an entry before main. The object file that holds one must be linked as an object, not
/// picked from a static library, or it vanishes silently; a test checks that all names are present.
template <class Registry>
struct Registration {
  Registration(Registry& registry, typename Registry::Entry entry) { registry.add(std::move(entry)); }
};

}  // namespace moeperf
