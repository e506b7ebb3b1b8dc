#pragma once

#include <map>
#include <string>

/// Facts about this build, written at build time (cmake/BuildFacts.cmake).
namespace moeperf::build {

extern const char* const version;
extern const char* const git_commit;  ///< "a1b2c3d4e5f6", "…-dirty", or "unknown" outside a checkout
extern const char* const build_type;
extern const char* const compiler;
extern const char* const flags;

/// Versions of the libraries the program was built with, name → version.
std::map<std::string, std::string> libraries();

}  // namespace moeperf::build
