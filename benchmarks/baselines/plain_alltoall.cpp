#include "benchmarks/baselines/plain_alltoall.hpp"

#include "benchmarks/verification/labelled_rows.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

namespace moeperf {

PlainAlltoall::PlainAlltoall(const Communicator& comm, RowFormat format, std::int64_t rows_global)
    : comm_(comm),
      block_(
          mpi_count((rows_global + std::int64_t{comm.size()} * comm.size() - 1) / comm.size() / comm.size(), "rows")),
      send_(std::int64_t{block_} * comm.size(), format),
      receive_(std::int64_t{block_} * comm.size(), format),
      row_(format.bytes()) {
  for (int to = 0; to < comm.size(); ++to) {
    label_rows(send_.rows().slice(std::int64_t{block_} * to, block_), comm.rank(), to);
  }
}

void PlainAlltoall::run() {
  mpi_check(
      MPI_Alltoall(send_.rows().data(), block_, row_.get(), receive_.rows().data(), block_, row_.get(), comm_.get()),
      "MPI_Alltoall");
}

void PlainAlltoall::poison() { moeperf::poison(receive_.rows()); }

void PlainAlltoall::check(Checker& checker) const {
  for (int from = 0; from < comm_.size(); ++from) {
    check_labels(checker, receive_.rows().slice(std::int64_t{block_} * from, block_), from, comm_.rank());
  }
}

}  // namespace moeperf
