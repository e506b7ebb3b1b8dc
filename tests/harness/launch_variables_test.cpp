#include "harness/launch_variables.hpp"

#include "tests/catch.hpp"

#include <cstdlib>

namespace moeperf {
namespace {

TEST_CASE("settings and job facts are recorded, a launcher's bookkeeping is not", "[unit]") {
  for (const char* name : {"OMPI_MCA_btl", "OMPI_MCA_pml", "UCX_TLS", "OMP_NUM_THREADS", "OMP_PROC_BIND", "NCCL_DEBUG",
                           "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "MOEPERF_MAX_ISA", "SLURM_JOB_ID",
                           "SLURM_JOB_NODELIST", "SLURM_NTASKS_PER_NODE", "SLURM_CPUS_PER_TASK"}) {
    INFO(name);
    CHECK(is_launch_variable(name));
  }
  for (const char* name :
       {"OMPI_COMM_WORLD_RANK", "OMPI_ARGV", "OMPI_MCA_orte_hnp_uri", "OMPI_MCA_ess_base_vpid", "PMIX_SERVER_URI2",
        "SLURM_PROCID", "SLURM_TASK_PID", "SLURM_SRUN_COMM_PORT", "HOME", "CUDA_HOME", "SECRET_TOKEN"}) {
    INFO(name);
    CHECK_FALSE(is_launch_variable(name));
  }
}

TEST_CASE("this process's variables come with their values", "[unit]") {
  setenv("UCX_TLS", "a=b", 1);
  CHECK(launch_variables().at("UCX_TLS") == "a=b");
  unsetenv("UCX_TLS");
  CHECK(launch_variables().count("UCX_TLS") == 0);
}

}  // namespace
}  // namespace moeperf
