#include "comm/mpi/launcher.hpp"

#include "tests/catch.hpp"

#include <map>

namespace moeperf {
namespace {

std::optional<LauncherClaim> claim_of(const std::map<std::string, std::string>& environment) {
  return launcher_claim([&](const char* variable) {
    const auto found = environment.find(variable);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST_CASE("each launcher's claim is understood") {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "MPI_LOCALNRANKS"}) {
    const auto claim = claim_of({{variable, "4"}});
    REQUIRE(claim.has_value());
    REQUIRE(claim->variable == variable);
    REQUIRE(claim->processes == 4);
  }
}

TEST_CASE("a process that was started alone is no surprise") {
  REQUIRE_FALSE(claim_of({}).has_value());
  REQUIRE_FALSE(claim_of({{"OMPI_COMM_WORLD_SIZE", "1"}}).has_value());
  REQUIRE_FALSE(claim_of({{"PMI_SIZE", "1"}, {"MPI_LOCALNRANKS", "1"}}).has_value());
  REQUIRE_FALSE(claim_of({{"PMI_SIZE", "many"}}).has_value());
  REQUIRE_FALSE(claim_of({{"PMI_SIZE", ""}}).has_value());
}

TEST_CASE("a single process in a batch script is legitimate, a task of a larger step is not") {
  REQUIRE_FALSE(claim_of({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).has_value());
  REQUIRE_FALSE(claim_of({{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}}).has_value());
  REQUIRE_FALSE(claim_of({{"SLURM_STEP_NUM_TASKS", "8"}}).has_value());
  const auto claim = claim_of({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "3"}});
  REQUIRE(claim.has_value());
  REQUIRE(claim->variable == "SLURM_STEP_NUM_TASKS");
}

TEST_CASE("an mpirun of one process inside another launcher's is believed") {
  REQUIRE_FALSE(
      claim_of({{"OMPI_COMM_WORLD_SIZE", "1"}, {"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "0"}}).has_value());
  REQUIRE_FALSE(claim_of({{"OMPI_COMM_WORLD_SIZE", "8"}, {"PMI_SIZE", "1"}}).has_value());
}

std::optional<int> rank_in(const std::map<std::string, std::string>& environment) {
  return launched_rank([&](const char* variable) {
    const auto found = environment.find(variable);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST_CASE("a launcher's variables tell a rank before MPI is asked, a batch script's do not") {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK"}) {
    REQUIRE(rank_in({{variable, "3"}}) == 3);
  }
  REQUIRE(rank_in({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "3"}}) == 3);
  REQUIRE(rank_in({{"OMPI_COMM_WORLD_RANK", "0"}, {"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "3"}}) == 0);
  REQUIRE_FALSE(rank_in({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).has_value());
  REQUIRE_FALSE(rank_in({}).has_value());
}

TEST_CASE("the message names the variable, both counts and the library") {
  const std::string message = alone_message({"PMI_SIZE", 4}, "Open MPI v4.1.4");
  for (const char* part : {"started 4 processes", "PMI_SIZE=4", "MPI knows 1", "Open MPI v4.1.4", "mpirun", "srun"}) {
    REQUIRE(message.find(part) != std::string::npos);
  }
}

}  // namespace
}  // namespace moeperf
