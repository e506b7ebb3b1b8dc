#include "benchmarks/suite/exchange.hpp"

#include "benchmarks/suite/labelled_rows.hpp"
#include "comm/booking.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/wire_dispatcher.hpp"

#include <algorithm>

namespace moeperf {
namespace {

DispatchContext context_of(Problem& problem, const std::string& kernel, Communicator& comm) {
  const ModelShape& model = problem.workload().model;
  DispatchContext context(&comm, &problem.kernels(kernel), model.hidden, model.dtype, model.gate.num_experts,
                          model.gate.top_k);
  for (int rank = 0; rank < problem.comm().size(); ++rank) {
    context.max_tokens = std::max(context.max_tokens, problem.phase().tokens_of(rank));
  }
  return context;
}

std::vector<int> prefix_sums(const std::vector<int>& counts) {
  std::vector<int> sums(counts.size() + 1, 0);
  for (std::size_t i = 0; i < counts.size(); ++i) sums[i + 1] = sums[i] + counts[i];
  return sums;
}

}  // namespace

WireType wire_of(const Problem& problem, const CaseSpec& spec) {
  return spec.wire.value_or(native_wire_type(problem.workload().model.dtype));
}

std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec) {
  return make_dispatcher(problem, spec, problem.comm());
}

std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec, Communicator& comm) {
  DispatchContext context = context_of(problem, spec.kernel, comm);
  context.wire = spec.wire;
  return make_dispatcher(spec.dispatcher, context);
}

void check_booking(Checker& checker, Problem& problem, const CaseSpec& spec, const Dispatcher& dispatcher,
                   const Routing& routing, Communicator& comm) {
  DispatchContext context = context_of(problem, spec.kernel, comm);
  context.wire = spec.wire;
  checker.claim("bytes booked, against the rows that the routing makes travel");
  checker.holds(booking_fault(dispatcher, routing, context));
}

std::string best_dispatcher(Problem& problem, const std::string& kernel) {
  return dispatcher_registry().resolve({"auto"}, context_of(problem, kernel, problem.comm())).front();
}

std::vector<std::pair<std::string, std::string>> dispatchers_to_tune(Problem& problem, const CaseSpec& spec) {
  DispatchContext of_model = context_of(problem, spec.kernel, problem.comm());
  of_model.wire = spec.wire;
  const DispatchContext context = carried_context(of_model);
  std::vector<std::string> wanted = problem.run_settings().dispatchers;
  const bool unsaid = wanted == RunSettings{}.dispatchers;
  if (unsaid) wanted = {"all"};
  std::vector<std::pair<std::string, std::string>> dispatchers;
  for (const std::string& name : dispatcher_registry().resolve(wanted, context)) {
    if (unsaid && name == "reference") continue;
    dispatchers.emplace_back(name, dispatcher_registry().why_not(dispatcher_registry().at(name), context).value_or(""));
  }
  return dispatchers;
}

RowFormat travelling_format(const ModelShape& model, BareExchange::Direction direction, WireType wire) {
  if (direction == BareExchange::Direction::dispatch) return wire_format(model.hidden, wire);
  return {model.hidden, answer_type(model.dtype, wire)};
}

BareExchange::BareExchange(const Problem& problem, const Routing& routing, Direction direction, WireType wire)
    : comm_(problem.comm()), row_(travelling_format(problem.workload().model, direction, wire).bytes()) {
  const auto ranks = static_cast<std::size_t>(problem.comm().size());
  send_counts_.assign(ranks, 0);
  receive_counts_.assign(ranks, 0);
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++send_counts_[static_cast<std::size_t>(problem.placement().owner(expert))];
  }
  mpi_check(MPI_Alltoall(send_counts_.data(), 1, MPI_INT, receive_counts_.data(), 1, MPI_INT, comm_.get()),
            "MPI_Alltoall");
  if (direction == Direction::combine) std::swap(send_counts_, receive_counts_);
  send_offsets_ = prefix_sums(send_counts_);
  receive_offsets_ = prefix_sums(receive_counts_);
  const RowFormat format = travelling_format(problem.workload().model, direction, wire);
  send_ = RowBuffer(send_offsets_.back(), format);
  receive_ = RowBuffer(receive_offsets_.back(), format);
  for (std::size_t to = 0; to < ranks; ++to) {
    label_rows(send_.rows().slice(send_offsets_[to], send_counts_[to]), comm_.rank(), static_cast<int>(to));
  }
}

void BareExchange::run() {
  mpi_check(
      MPI_Alltoallv(send_.rows().data(), send_counts_.data(), send_offsets_.data(), row_.get(), receive_.rows().data(),
                    receive_counts_.data(), receive_offsets_.data(), row_.get(), comm_.get()),
      "MPI_Alltoallv");
}

void BareExchange::poison() { moeperf::poison(receive_.rows()); }

void BareExchange::check(Checker& checker) const {
  for (std::size_t from = 0; from < receive_counts_.size(); ++from) {
    check_labels(checker, receive_.rows().slice(receive_offsets_[from], receive_counts_[from]), static_cast<int>(from),
                 comm_.rank());
  }
}

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

WorkModel exchange_work(const Problem& problem, const Routing& routing, const WireBytes& wire) {
  const ModelShape& model = problem.workload().model;
  const auto row = static_cast<double>(model.hidden * size_bytes(model.dtype));
  const auto kept =
      std::count_if(routing.topk_idx.begin(), routing.topk_idx.end(), [](std::int32_t e) { return e >= 0; });
  WorkModel work;
  work.logical_bytes = static_cast<double>(routing.topk_idx.size()) * row;
  work.useful_bytes = static_cast<double>(kept) * row;
  work.memory_bytes = static_cast<double>(routing.num_tokens) * row + work.useful_bytes;
  work.wire_bytes_intra = static_cast<double>(wire.intra);
  work.wire_bytes_inter = static_cast<double>(wire.inter);
  return work;
}

}  // namespace moeperf
