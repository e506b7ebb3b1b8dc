#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace moeperf::test {

/// The whole of a file of the source tree.
inline std::string source_text(const std::string& source_folder, const std::string& name) {
  std::stringstream text;
  text << std::ifstream(source_folder + "/" + name).rdbuf();
  return text.str();
}

/// The text kept in a file of the source tree; MOEPERF_UPDATE_GOLDEN=1 in the environment replaces it by `text`.
inline std::string golden_text(const std::string& source_folder, const std::string& name, const std::string& text) {
  if (std::getenv("MOEPERF_UPDATE_GOLDEN") != nullptr) std::ofstream(source_folder + "/" + name) << text;
  return source_text(source_folder, name);
}

}  // namespace moeperf::test
