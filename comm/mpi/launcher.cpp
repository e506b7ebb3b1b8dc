#include "comm/mpi/launcher.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace moeperf {
namespace {

/// Nothing where the variable is unset or no number.
std::optional<int> given_number(const EnvironmentLookup& lookup, const char* variable) {
  const char* value = lookup(variable);
  if (value == nullptr) return std::nullopt;
  const std::string_view text(value);
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

int number_in(const EnvironmentLookup& lookup, const char* variable) {
  return given_number(lookup, variable).value_or(0);
}

}  // namespace

std::optional<LauncherClaim> launcher_claim(const EnvironmentLookup& lookup) {
  std::optional<LauncherClaim> claim;
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"}) {
    const int processes = number_in(lookup, variable);
    // A launcher that started one process is the innermost: what others say was inherited.
    if (processes == 1) return std::nullopt;
    if (processes > 1 && !claim) claim = {variable, processes};
  }
  if (claim) return claim;
  // MPI_LOCALNRANKS counts a node's processes only. Of Slurm's variables only the step's will do: SLURM_NTASKS is
  // set in a batch script too, where a single process is legitimate.
  if (const int processes = number_in(lookup, "MPI_LOCALNRANKS"); processes > 1) {
    return LauncherClaim{"MPI_LOCALNRANKS", processes};
  }
  const int tasks = number_in(lookup, "SLURM_STEP_NUM_TASKS");
  if (tasks > 1 && lookup("SLURM_PROCID") != nullptr) return LauncherClaim{"SLURM_STEP_NUM_TASKS", tasks};
  return std::nullopt;
}

std::optional<int> launched_rank(const EnvironmentLookup& lookup) {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK"}) {
    if (const auto rank = given_number(lookup, variable)) return rank;
  }
  // A batch script has SLURM_PROCID too, but no step's number of tasks.
  if (lookup("SLURM_STEP_NUM_TASKS") == nullptr) return std::nullopt;
  return given_number(lookup, "SLURM_PROCID");
}

std::string alone_message(const LauncherClaim& claim, const std::string& mpi_library) {
  return fmt::format(
      "the launcher started {} processes ({}={}), but MPI knows 1: the launcher belongs to another MPI than this "
      "program, which was built with {}. Start it with the mpirun of that MPI, or with srun and the --mpi plug-in "
      "that it supports (srun --mpi=list)",
      claim.processes, claim.variable, claim.processes, mpi_library);
}

}  // namespace moeperf
