#pragma once

#include "benchmarks/suite/benchmark_kind.hpp"
#include "benchmarks/suite/checker.hpp"
#include "benchmarks/suite/problem.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/row_type.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moeperf {

/// What a case's rows travel as.
WireType wire_of(const Problem& problem, const CaseSpec& spec);

/// A case's dispatcher for a problem's rows, on the problem's communicator or another of the same ranks, which outlives
/// it. Collective.
std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec);
std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec, Communicator& comm);

/// A claim of `checker`: that the bytes that a case's dispatcher booked for its last round trip, of `routing`, are
/// those that the routing makes travel (comm/booking.hpp). Collective over `comm`, the dispatcher's.
void check_booking(Checker& checker, Problem& problem, const CaseSpec& spec, const Dispatcher& dispatcher,
                   const Routing& routing, Communicator& comm);

/// The dispatchers that a run asks for, all but the reference where it does not say, each with the reason why it cannot
/// run here, if any. Collective.
std::vector<std::pair<std::string, std::string>> dispatchers_to_tune(Problem& problem, const CaseSpec& spec);

/// What `auto` means for these ranks.
std::string best_dispatcher(Problem& problem, const std::string& kernel);

/// One MPI_Alltoallv of a routing's rows and nothing else: the bound of every exchange. Counts, rows and
/// buffers are ready beforehand, the copies to itself included, as a plain program would do it.
class BareExchange {
 public:
  enum class Direction : std::uint8_t { dispatch, combine };
  /// Rows as they travel on `wire`, in that direction. Collective.
  BareExchange(const Problem& problem, const Routing& routing, Direction direction, WireType wire);
  void run();  ///< collective
  void poison();
  /// What the run since delivered, row by row: each says where it comes from.
  void check(Checker& checker) const;
  std::int64_t sent_bytes() const { return send_.capacity_bytes(); }
  std::int64_t received_bytes() const { return receive_.capacity_bytes(); }

 private:
  const Communicator& comm_;
  std::vector<int> send_counts_, send_offsets_, receive_counts_, receive_offsets_;
  RowBuffer send_, receive_;
  RowType row_;
};

/// Rows as they travel on `wire`, in one direction.
RowFormat travelling_format(const ModelShape& model, BareExchange::Direction direction, WireType wire);

/// One MPI_Alltoall of equal blocks of rows: an exchange of about as many bytes as another, without its counts, its
/// imbalance and its order.
class PlainAlltoall {
 public:
  /// `rows_global`: of all ranks together, those that stay at home included; each of the P² blocks gets its share,
  /// rounded up. The same on all ranks. `comm` outlives this.
  PlainAlltoall(const Communicator& comm, RowFormat format, std::int64_t rows_global);
  void run();  ///< collective
  std::int64_t sent_bytes() const { return std::as_const(send_).rows().bytes(); }
  void poison();
  /// As BareExchange.
  void check(Checker& checker) const;

 private:
  const Communicator& comm_;
  int block_;  ///< rows
  RowBuffer send_, receive_;
  RowType row_;
};

/// Logical, useful and wire bytes of an exchange of this rank's rows: the wire bytes as they travelled, the others of
/// the model's own rows.
WorkModel exchange_work(const Problem& problem, const Routing& routing, const WireBytes& wire);

}  // namespace moeperf
