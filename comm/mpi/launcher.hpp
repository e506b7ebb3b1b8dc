#pragma once

#include <functional>
#include <optional>
#include <string>

namespace moeperf {

/// What the environment of a process says about how many processes its launcher started.
struct LauncherClaim {
  std::string variable;
  int processes = 0;
};

/// Looks up an environment variable; null where it is not set.
using EnvironmentLookup = std::function<const char*(const char*)>;

/// The claim that several processes were started together; nothing where no launcher makes one.
std::optional<LauncherClaim> launcher_claim(const EnvironmentLookup& lookup);

/// This process's rank as its launcher gave it, before MPI is asked; nothing where no launcher started it.
std::optional<int> launched_rank(const EnvironmentLookup& lookup);

/// Why a process that MPI tells to be alone was meant to be one of several: the launcher belongs to another MPI
/// than the program. Names the claim, both counts and `mpi_library`, the library that the program was built with.
std::string alone_message(const LauncherClaim& claim, const std::string& mpi_library);

}  // namespace moeperf
