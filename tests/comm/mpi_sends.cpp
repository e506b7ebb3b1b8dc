// MPI's profiling interface: these definitions win over the library's, which stay reachable as PMPI_….
#include "tests/comm/mpi_sends.hpp"

#include "comm/dispatch/booked_bytes.hpp"
#include "comm/mpi/persistent.hpp"

#include <mpi.h>

#include <map>
#include <utility>

namespace {

std::map<int, std::int64_t> bytes_to;  // by rank in MPI_COMM_WORLD
/// What a persistent request sends every time it is started.
std::map<MPI_Request, std::map<int, std::int64_t>> bytes_of_start;

std::int64_t size_of(std::int64_t count, MPI_Datatype type) {
  int size = 0;
  PMPI_Type_size(type, &size);
  return count * size;
}

int size_of(MPI_Comm comm) {
  int size = 0;
  PMPI_Comm_size(comm, &size);
  return size;
}

int world_rank(MPI_Group group, int rank) {
  MPI_Group world;
  PMPI_Comm_group(MPI_COMM_WORLD, &world);
  int result = 0;
  PMPI_Group_translate_ranks(group, 1, &rank, world, &result);
  PMPI_Group_free(&world);
  PMPI_Group_free(&group);
  return result;
}

int world_rank(MPI_Comm comm, int rank) {
  MPI_Group group;
  PMPI_Comm_group(comm, &group);
  return world_rank(group, rank);
}

void count(MPI_Comm comm, int rank, std::int64_t bytes) { bytes_to[world_rank(comm, rank)] += bytes; }

void count_to_all(MPI_Comm comm, std::int64_t bytes) {
  for (int rank = 0; rank < size_of(comm); ++rank) count(comm, rank, bytes);
}

void count_each(MPI_Comm comm, const int* counts, MPI_Datatype type) {
  for (int rank = 0; rank < size_of(comm); ++rank) count(comm, rank, size_of(counts[rank], type));
}

/// What an all-gather sends to each: in place it stands where it will be received.
std::int64_t gathered(const void* from, int count, MPI_Datatype type, int in_place_count, MPI_Datatype in_place_type) {
  return from == MPI_IN_PLACE ? size_of(in_place_count, in_place_type) : size_of(count, type);
}

}  // namespace

namespace moeperf::test {

WireBytes take_mpi_sends(const Communicator& comm) {
  WireBytes sent;
  std::map<int, std::int64_t> by_world_rank = std::exchange(bytes_to, {});
  for (int rank = 0; rank < comm.size(); ++rank) book(sent, comm, rank, by_world_rank[world_rank(comm.get(), rank)]);
  return sent;
}

}  // namespace moeperf::test

extern "C" {

int MPI_Send(const void* from, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
  count(comm, to, size_of(n, type));
  return PMPI_Send(from, n, type, to, tag, comm);
}

int MPI_Isend(const void* from, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request* request) {
  count(comm, to, size_of(n, type));
  return PMPI_Isend(from, n, type, to, tag, comm, request);
}

int MPI_Put(const void* from, int n, MPI_Datatype type, int to, MPI_Aint place, int target_n, MPI_Datatype target_type,
            MPI_Win window) {
  MPI_Group group;
  PMPI_Win_get_group(window, &group);
  bytes_to[world_rank(group, to)] += size_of(n, type);
  return PMPI_Put(from, n, type, to, place, target_n, target_type, window);
}

int MPI_Alltoall(const void* from, int n, MPI_Datatype type, void* to, int to_n, MPI_Datatype to_type, MPI_Comm comm) {
  count_to_all(comm, size_of(n, type));
  return PMPI_Alltoall(from, n, type, to, to_n, to_type, comm);
}

int MPI_Alltoallv(const void* from, const int* n, const int* offsets, MPI_Datatype type, void* to, const int* to_n,
                  const int* to_offsets, MPI_Datatype to_type, MPI_Comm comm) {
  count_each(comm, n, type);
  return PMPI_Alltoallv(from, n, offsets, type, to, to_n, to_offsets, to_type, comm);
}

int MPI_Ialltoallv(const void* from, const int* n, const int* offsets, MPI_Datatype type, void* to, const int* to_n,
                   const int* to_offsets, MPI_Datatype to_type, MPI_Comm comm, MPI_Request* request) {
  count_each(comm, n, type);
  return PMPI_Ialltoallv(from, n, offsets, type, to, to_n, to_offsets, to_type, comm, request);
}

int MPI_Allgather(const void* from, int n, MPI_Datatype type, void* to, int to_n, MPI_Datatype to_type, MPI_Comm comm) {
  count_to_all(comm, gathered(from, n, type, to_n, to_type));
  return PMPI_Allgather(from, n, type, to, to_n, to_type, comm);
}

int MPI_Allgatherv(const void* from, int n, MPI_Datatype type, void* to, const int* to_n, const int* offsets,
                   MPI_Datatype to_type, MPI_Comm comm) {
  int own = 0;
  PMPI_Comm_rank(comm, &own);
  count_to_all(comm, gathered(from, n, type, to_n[own], to_type));
  return PMPI_Allgatherv(from, n, type, to, to_n, offsets, to_type, comm);
}

int MPI_Iallgatherv(const void* from, int n, MPI_Datatype type, void* to, const int* to_n, const int* offsets,
                    MPI_Datatype to_type, MPI_Comm comm, MPI_Request* request) {
  int own = 0;
  PMPI_Comm_rank(comm, &own);
  count_to_all(comm, gathered(from, n, type, to_n[own], to_type));
  return PMPI_Iallgatherv(from, n, type, to, to_n, offsets, to_type, comm, request);
}

#ifdef MOEPERF_ALLTOALLV_INIT
#if MPI_VERSION >= 4
#define MOEPERF_PMPI_ALLTOALLV_INIT PMPI_Alltoallv_init
#else
#define MOEPERF_PMPI_ALLTOALLV_INIT PMPIX_Alltoallv_init
#endif

int MOEPERF_ALLTOALLV_INIT(const void* from, const int* n, const int* offsets, MPI_Datatype type, void* to,
                           const int* to_n, const int* to_offsets, MPI_Datatype to_type, MPI_Comm comm, MPI_Info info,
                           MPI_Request* request) {
  const int code =
      MOEPERF_PMPI_ALLTOALLV_INIT(from, n, offsets, type, to, to_n, to_offsets, to_type, comm, info, request);
  std::map<int, std::int64_t>& bytes = bytes_of_start[*request];
  bytes.clear();
  for (int rank = 0; rank < size_of(comm); ++rank) bytes[world_rank(comm, rank)] += size_of(n[rank], type);
  return code;
}

int MPI_Start(MPI_Request* request) {
  for (const auto& [rank, bytes] : bytes_of_start[*request]) bytes_to[rank] += bytes;
  return PMPI_Start(request);
}
#endif

}  // extern "C"
