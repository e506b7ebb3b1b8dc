#pragma once

#include <mpi.h>

// The persistent MPI_Alltoallv of this MPI: that of MPI 4, or before it Open MPI's extension. Undefined: it has none.
#if MPI_VERSION >= 4
#define MOEPERF_ALLTOALLV_INIT MPI_Alltoallv_init
#elif defined(OPEN_MPI)
#include <mpi-ext.h>
#ifdef OMPI_HAVE_MPI_EXT_PCOLLREQ
#define MOEPERF_ALLTOALLV_INIT MPIX_Alltoallv_init
#endif
#endif
