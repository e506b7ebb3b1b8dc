#include "benchmarks/exchange_benchmark.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/exchange_counts.hpp"
#include "benchmarks/exchange_work.hpp"
#include "benchmarks/verification/booking_check.hpp"
#include "benchmarks/verification/checker.hpp"
#include "benchmarks/verification/signed_rows.hpp"
#include "comm/wire_reference.hpp"
#include "harness/clock.hpp"
#include "harness/machine.hpp"
#include "kernels/list_copies.hpp"
#include "kernels/rows_on_host.hpp"

namespace moeperf {

ExchangeBenchmark::ExchangeBenchmark(Problem& problem, const CaseSpec& spec, BareExchange::Direction direction,
                                     Baselines baselines)
    : problem_(problem),
      spec_(spec),
      direction_(direction),
      baselines_(baselines),
      backend_(problem.kernels(kernel_of(spec))) {}

void ExchangeBenchmark::prepare() {
  const ModelShape& model = problem_.workload().model;
  state_ = &problem_.state(scheme_of(spec_), kernel_of(spec_));
  x_ = problem_.x(kernel_of(spec_));
  out_ = RowBuffer(x_.num_rows(), model.hidden, model.dtype, backend_.memory());
  set_up();
  if (baselines_ == Baselines::left_out) return;
  bare_.emplace(problem_, state_->routing, direction_, wire_of(problem_, spec_));
  pack_.emplace(bare_->sent_bytes());
  unpack_.emplace(bare_->received_bytes());
  alltoall_.emplace(problem_.comm(), travelling_format(model, direction_, wire_of(problem_, spec_)),
                    problem_.tokens_global() * model.gate.top_k);
}

void ExchangeBenchmark::set_up() {
  const ModelShape& model = problem_.workload().model;
  own_expert_out_ = RowBuffer(0, model.hidden, model.dtype, backend_.memory());
  problem_.comm().barrier();
  const std::int64_t before = resident_bytes();
  const double begin = now_s();
  dispatcher_ = make_dispatcher(problem_, spec_);
  exchange_ = dispatcher_->make_dispatch();
  dispatch();
  fill_expert_out();
  combine();
  backend_.queue().wait();
  setup_s_ = now_s() - begin;
  setup_bytes_ = resident_bytes() - before;
}

void ExchangeBenchmark::fill_expert_out() {
  const auto space = exchange_->expert_out_space();
  if (!space) own_expert_out_.resize(received_.rows.num_rows());
  expert_out_ = space ? *space : own_expert_out_.rows();
  Queue& queue = backend_.queue();
  queue.wait();
  const bool on_device = expert_out_.space() == MemorySpace::device;
  RowBuffer on_host(on_device ? expert_out_.num_rows() : 0, expert_out_.format());
  const Rows rows = on_device ? on_host.rows() : expert_out_;
  queue.copy(received_.rows, rows);
  queue.wait();
  ListOnHost<std::int64_t> list;
  const std::span<const std::int64_t> offsets = list.of(received_.groups.offsets, queue);
  const std::int32_t first = problem_.placement().first_expert(problem_.comm().rank());
  for (std::size_t local = 0; local + 1 < offsets.size(); ++local) {
    for (std::int64_t row = offsets[local]; row < offsets[local + 1]; ++row) {
      sign_row(rows, row, first + static_cast<std::int32_t>(local));
    }
  }
  if (on_device) queue.copy(rows, expert_out_);
  queue.wait();
}

std::vector<PartInfo> ExchangeBenchmark::parts() const {
  if (baselines_ == Baselines::left_out) return {{.name = part_name()}};
  return {{.name = part_name(), .baselines = {"bare_alltoallv", "pack_copy", "unpack_copy"}},
          {.name = "bare_alltoallv", .role = Role::baseline},
          {.name = "pack_copy", .role = Role::baseline},
          {.name = "unpack_copy", .role = Role::baseline},
          {.name = "alltoall", .role = Role::baseline}};
}

WorkModel ExchangeBenchmark::work(std::size_t part) const {
  if (part == 0) return exchange_work(problem_, state_->routing, wire_bytes());
  const std::int64_t bytes[]{bare_->sent_bytes(), bare_->sent_bytes(), bare_->received_bytes(),
                             alltoall_->sent_bytes()};
  WorkModel work;
  work.useful_bytes = work.logical_bytes = static_cast<double>(bytes[part - 1]);
  return work;
}

void ExchangeBenchmark::run(std::size_t part) {
  switch (part) {
    case 0:
      exchange();
      backend_.queue().wait();
      break;
    case 1:
      bare_->run();
      break;
    case 2:
      pack_->run();
      break;
    case 3:
      unpack_->run();
      break;
    default:
      alltoall_->run();
  }
}

void ExchangeBenchmark::poison() {
  // The dispatcher's own buffers hold the last result; these bytes are never what a correct run leaves.
  if (received_.rows.num_rows() > 0) {
    moeperf::poison(Rows(const_cast<void*>(received_.rows.data()), received_.rows.num_rows(), received_.rows.num_cols(),
                         received_.rows.dtype(), received_.rows.space()),
                    backend_.queue());
  }
  moeperf::poison(out_.rows(), backend_.queue());
  if (baselines_ == Baselines::left_out) return;
  bare_->poison();
  pack_->poison();
  unpack_->poison();
  alltoall_->poison();
}

Verification ExchangeBenchmark::verify() {
  complete_round_trip();
  const ModelShape& model = problem_.workload().model;
  Checker checker;
  check_booking(checker, problem_, spec_, dispatcher_->row_rule(), *exchange_, state_->routing, problem_.comm());
  if (baselines_ == Baselines::beside_it) {
    checker.claim("every row and byte of the plain operations beside it");
    bare_->check(checker);
    pack_->check(checker);
    unpack_->check(checker);
    alltoall_->check(checker);
  }

  checker.claim("every token of every rank, sent through experts that sign it and back, bit for bit");
  // The same sums without any exchange: K signed copies of each token as it arrives, in the dispatcher's order.
  const RowFormat format{model.hidden, model.dtype};
  RowBuffer copies(state_->routing.top_k, format), arrived(1, format), sum(1, format);
  const RowsOnHost out(out_.rows(), backend_.queue());
  const ConstRows x = problem_.x();
  WireReference wire(problem_.backends().reference(), format, wire_of(problem_, spec_), dispatcher_->combine_order(),
                     problem_.placement(), problem_.comm().node_of_rank());
  for (std::int64_t token = 0; token < x_.num_rows(); ++token) {
    const auto at = static_cast<std::size_t>(token * state_->routing.top_k);
    wire.arrive(x.slice(token, 1), arrived.rows());
    for (std::int32_t k = 0; k < state_->routing.top_k; ++k) {
      const std::int32_t expert = state_->routing.topk_idx[at + static_cast<std::size_t>(k)];
      if (expert < 0) continue;
      copy_rows(arrived.rows(), copies.rows().slice(k, 1));
      sign_row(copies.rows(), k, expert);
    }
    const auto top_k = static_cast<std::size_t>(state_->routing.top_k);
    wire.sum(copies.rows(), state_->routing.topk_idx.host().subspan(at, top_k),
             state_->routing.topk_weights.host().subspan(at, top_k), sum.rows());
    checker.same_bits(out.rows(), token, sum.rows().row_data(0));
  }
  return checker.result();
}

void ExchangeBenchmark::finish(CaseResult& result) {
  add_counts(count_exchange(state_->routing, problem_.placement(), problem_.comm()), state_->routing.num_tokens,
             state_->routing.top_k,
             travelling_format(problem_.workload().model, direction_, wire_of(problem_, spec_)).bytes(),
             problem_.comm(), result);
  result.notes["combine_dtype"] = name(combine_dtype(problem_.workload().model.dtype, wire_of(problem_, spec_)));
  result.metrics["setup_s"] = problem_.comm().max(setup_s_);
  result.metrics["setup_bytes"] = problem_.comm().max(static_cast<double>(setup_bytes_));
  result.notes["combine_order"] = name(dispatcher_->combine_order());
  result.notes["rows"] = dispatcher_->row_path();
  result.notes["baseline"] = "bare MPI_Alltoallv of the same rows + memory copies of the packed and the unpacked rows";
}

}  // namespace moeperf
