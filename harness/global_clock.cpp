#include "harness/global_clock.hpp"

#include "comm/mpi/error.hpp"

#include <cmath>
#include <limits>

namespace moeperf {
namespace {

constexpr int round_trips = 30;
constexpr int tag = 0;
/// Over less time a drift is but the error of its two offsets.
constexpr double least_span_s = 1;
/// By which the rates of two machines' clocks may differ, while it is not known.
constexpr double max_drift = 1e-4;

}  // namespace

void GlobalClock::measure() {
  const int rank = comm_.rank(), size = comm_.size();
  if (rank == 0) take({clock_.now_s(), 0, 0});
  // In each step those who know rank 0's time, ranks below `known`, tell as many others.
  for (int known = 1; known < size; known *= 2) {
    if (rank < known && rank + known < size) {
      answer(rank + known);
    } else if (rank >= known && rank < 2 * known) {
      ask(rank - known);
    }
  }
}

void GlobalClock::take(const Offset& offset) {
  if (!is_measured_) first_ = offset;
  is_measured_ = true;
  last_ = offset;
  const double span_s = last_.at_s - first_.at_s;
  const bool is_known = comm_.rank() > 0 && span_s >= least_span_s;
  drift_ = is_known ? (last_.offset_s - first_.offset_s) / span_s : 0;
  drift_error_ = is_known ? (first_.error_s + last_.error_s) / span_s : comm_.rank() > 0 ? max_drift : 0;
}

double GlobalClock::error_s(double own_s) const { return last_.error_s + drift_error_ * std::abs(own_s - last_.at_s); }

double GlobalClock::own_s(double global_s) const {
  // global = own + offset + drift · (own − at), solved for own.
  return (global_s - last_.offset_s + drift_ * last_.at_s) / (1 + drift_);
}

void GlobalClock::ask(int partner) {
  Offset best{.error_s = std::numeric_limits<double>::infinity()};
  for (int i = 0; i < round_trips; ++i) {
    double theirs[2] = {};  // time and its error
    const double sent_s = clock_.now_s();
    mpi_check(MPI_Send(nullptr, 0, MPI_DOUBLE, partner, tag, comm_.get()), "MPI_Send");
    mpi_check(MPI_Recv(theirs, 2, MPI_DOUBLE, partner, tag, comm_.get(), MPI_STATUS_IGNORE), "MPI_Recv");
    const double half_s = (clock_.now_s() - sent_s) / 2;
    if (half_s + theirs[1] < best.error_s) best = {sent_s + half_s, theirs[0] - (sent_s + half_s), half_s + theirs[1]};
  }
  take(best);
}

void GlobalClock::answer(int partner) const {
  for (int i = 0; i < round_trips; ++i) {
    mpi_check(MPI_Recv(nullptr, 0, MPI_DOUBLE, partner, tag, comm_.get(), MPI_STATUS_IGNORE), "MPI_Recv");
    const double own_s = clock_.now_s();
    const double known[] = {global_s(own_s), error_s(own_s)};
    mpi_check(MPI_Send(known, 2, MPI_DOUBLE, partner, tag, comm_.get()), "MPI_Send");
  }
}

}  // namespace moeperf
