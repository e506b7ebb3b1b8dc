#pragma once

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Contiguous split of num_tokens tokens: rank r holds [first(r), first(r + 1)).
struct TokenBlocks {
  std::int64_t num_tokens = 0;
  int num_ranks = 1;
  std::int64_t first(int rank) const {
    return num_tokens / num_ranks * rank + std::min<std::int64_t>(rank, num_tokens % num_ranks);
  }
  std::int64_t count(int rank) const { return first(rank + 1) - first(rank); }
};

/// Hands every rank's rows to `sink(first_token, rows)` on rank 0, in order of token, in pieces of at most
/// 16 MiB. Collective. `sink` must not throw: the other ranks would wait.
template <class T, class Sink>
void forward_rows_to_root(const Communicator& comm, const TokenBlocks& blocks, std::int64_t row_length,
                          std::span<const T> own_rows, const Sink& sink) {
  constexpr int tag = 0;
  const std::int64_t piece_rows =
      std::max<std::int64_t>(1, (std::int64_t{16} << 20) / (row_length * std::int64_t{sizeof(T)}));
  std::vector<T> piece;
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank != comm.rank() && !comm.is_root()) continue;
    for (std::int64_t row = 0; row < blocks.count(rank); row += piece_rows) {
      const std::int64_t length = std::min(piece_rows, blocks.count(rank) - row) * row_length;
      const int bytes = static_cast<int>(length * std::int64_t{sizeof(T)});
      if (rank == comm.rank()) {
        const auto part =
            own_rows.subspan(static_cast<std::size_t>(row * row_length), static_cast<std::size_t>(length));
        if (comm.is_root()) {
          sink(blocks.first(rank) + row, part);
        } else {
          mpi_check(MPI_Send(part.data(), bytes, MPI_BYTE, 0, tag, comm.get()), "MPI_Send");
        }
      } else {
        piece.resize(static_cast<std::size_t>(length));
        mpi_check(MPI_Recv(piece.data(), bytes, MPI_BYTE, rank, tag, comm.get(), MPI_STATUS_IGNORE), "MPI_Recv");
        sink(blocks.first(rank) + row, std::span<const T>(piece));
      }
    }
  }
}

}  // namespace moeperf
