#include "comm/mpi/communicator.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

namespace moeperf {
namespace {

template <class Value>
void all_reduce(std::span<Value> values, MPI_Datatype type, MPI_Op operation, MPI_Comm comm) {
  if (comm == MPI_COMM_NULL) return;  // one rank without MPI
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, values.data(), mpi_count(values.size(), "values"), type, operation, comm),
            "MPI_Allreduce");
}

}  // namespace

void MpiReducer::sum(std::span<std::int64_t> values) { all_reduce(values, MPI_INT64_T, MPI_SUM, comm_.get()); }

void MpiReducer::sum(std::span<double> values) { all_reduce(values, MPI_DOUBLE, MPI_SUM, comm_.get()); }

void MpiReducer::max(std::span<double> values) { all_reduce(values, MPI_DOUBLE, MPI_MAX, comm_.get()); }

}  // namespace moeperf
