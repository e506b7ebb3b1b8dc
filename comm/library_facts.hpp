#pragma once

#include <map>
#include <string>

namespace moeperf {

/// Facts about the libraries that dispatchers stand on, name → value, for a report.
using LibraryFacts = std::map<std::string, std::string>;

/// Those of this process, from all that are compiled in. Local; may open devices.
LibraryFacts library_facts();

/// A static one of these makes a library's facts known.
struct LibraryFactsRegistration {
  explicit LibraryFactsRegistration(LibraryFacts (*facts)());
};

}  // namespace moeperf
