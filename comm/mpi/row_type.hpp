#pragma once

#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/handle.hpp"

#include <mpi.h>

#include <cstdint>

namespace moeperf {

/// MPI datatype of one row of bytes, so that counts and displacements are rows and messages of more than
/// 2^31 bytes need no large-count calls.
class RowType {
 public:
  explicit RowType(std::int64_t row_bytes) {
    mpi_check(MPI_Type_contiguous(mpi_count(row_bytes, "bytes of a row"), MPI_BYTE, type_.out()),
              "MPI_Type_contiguous");
    MPI_Datatype type = type_.get();
    mpi_check(MPI_Type_commit(&type), "MPI_Type_commit");
  }

  MPI_Datatype get() const { return type_.get(); }

 private:
  MpiHandle<MPI_Datatype, MPI_Type_free> type_{MPI_DATATYPE_NULL};
};

}  // namespace moeperf
