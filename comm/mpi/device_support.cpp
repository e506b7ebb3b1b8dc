#include "comm/mpi/device_support.hpp"

#include <mpi.h>

#ifdef OPEN_MPI
#include <mpi-ext.h>
#endif

namespace moeperf {

std::optional<std::string> mpi_refuses_memory_of(std::string_view runtime) {
  if (runtime != "cuda") return "MPI libraries know no memory of this device";
#ifdef OMPI_HAVE_MPI_EXT_CUDA
  if (MPIX_Query_cuda_support() == 1) return std::nullopt;
  return "this MPI is not CUDA-aware, says MPIX_Query_cuda_support";
#else
  return "this MPI does not say whether it is CUDA-aware";
#endif
}

}  // namespace moeperf
