#include "comm/library_facts.hpp"

#include <vector>

namespace moeperf {
namespace {

std::vector<LibraryFacts (*)()>& sources() {
  static std::vector<LibraryFacts (*)()> all;
  return all;
}

}  // namespace

LibraryFacts library_facts() {
  LibraryFacts facts;
  for (const auto source : sources()) facts.merge(source());
  return facts;
}

LibraryFactsRegistration::LibraryFactsRegistration(LibraryFacts (*facts)()) { sources().push_back(facts); }

}  // namespace moeperf
