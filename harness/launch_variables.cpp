#include "harness/launch_variables.hpp"

#include <algorithm>
#include <array>

extern char** environ;

namespace moeperf {
namespace {

constexpr std::array settings{
    // MPI and what it runs on
    "OMPI_MCA_", "PMIX_MCA_", "PRTE_MCA_", "MPICH_", "MPIR_CVAR_", "I_MPI_", "MV2_", "UCX_", "FI_", "NCCL_",
    // devices, threads, kernels
    "CUDA_", "OMP_", "KMP_", "GOMP_", "DNNL_", "ONEDNN_", "HDF5_", "MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD",
    "LD_LIBRARY_PATH", "MOEPERF_MAX_ISA",
    // the job
    "SLURM_JOB_", "SLURM_CLUSTER_NAME", "SLURM_NNODES", "SLURM_NTASKS", "SLURM_TASKS_PER_NODE", "SLURM_CPU",
    "SLURM_MEM_", "SLURM_DISTRIBUTION", "SLURM_GPU", "SLURM_THREADS_PER_CORE", "SLURM_HINT", "SLURM_MPI_TYPE"};

constexpr std::array bookkeeping{"OMPI_MCA_orte_",
                                 "OMPI_MCA_PREFIXES",
                                 "OMPI_MCA_num_procs",
                                 "OMPI_MCA_cpu_type",
                                 "OMPI_MCA_mca_base_component_path",
                                 "OMPI_MCA_ess",
                                 "OMPI_MCA_initial_wdir",
                                 "OMPI_MCA_shmem_RUNTIME_QUERY_hint",
                                 "OMPI_MCA_pmix",
                                 "PMIX_MCA_psec",
                                 "PMIX_MCA_mca_base_component_show_load_errors",
                                 "PRTE_MCA_prte_",
                                 "PRTE_MCA_ess",
                                 "CUDA_HOME",
                                 "SLURM_JOB_END_TIME",
                                 "SLURM_JOB_START_TIME"};

bool starts_with_any(std::string_view text, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return text.starts_with(prefix); });
}

}  // namespace

bool is_launch_variable(std::string_view name) {
  return starts_with_any(name, settings) && !starts_with_any(name, bookkeeping);
}

std::map<std::string, std::string> launch_variables() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    if (name.size() < text.size() && is_launch_variable(name)) found.emplace(name, text.substr(name.size() + 1));
  }
  return found;
}

}  // namespace moeperf
