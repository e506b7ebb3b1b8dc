#include "comm/dispatch/flat_dispatcher.hpp"

#include "comm/dispatch/booked_bytes.hpp"
#include "comm/dispatch/exchange_plan.hpp"
#include "comm/dispatch/transport.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/list_copies.hpp"

#include <utility>

namespace moeperf {
namespace {

using Way = RowExchange::Way;

/// What all handles of a flat dispatcher share.
struct FlatTransport : Transport {
  FlatTransport(const DispatchContext& context, std::unique_ptr<RowExchange> rows)
      : Transport(context),
        exchange(std::move(rows)),
        packed(own_memory()),
        arrived(own_memory()),
        grouped(own_memory()) {}

  MemoryResource& own_memory() const {
    MemoryResource* wanted = exchange->memory();
    return wanted != nullptr ? *wanted : kernels.memory();
  }
  RowFormat format(Way way) const { return way == Way::out ? out : back; }
  void wait() const { kernels.queue().wait(); }

  std::unique_ptr<RowExchange> exchange;
  Buffer packed, arrived, grouped;  // of the present exchange
  std::int64_t num_plans = 0;       // made so far
  std::int64_t prepared = 0;        // the plan that the exchange is prepared for
};

class FlatDispatch final : public Dispatch {
 public:
  explicit FlatDispatch(FlatTransport& transport)
      : transport_(transport),
        packing_(transport.kernels.memory()),
        arrived_of_grouped_(transport.kernels),
        grouped_of_arrived_(transport.kernels),
        local_offsets_(transport.kernels),
        ones_(transport.kernels) {}

  void plan(const Routing& routing) override {
    routing_ = &routing;
    transport_.permuter->plan(routing.topk_idx, routing.num_tokens, routing.top_k, transport_.placement.num_experts(),
                              packing_);
    plan_.make(transport_.comm, transport_.placement, offsets_.of(packing_.offsets, transport_.kernels.queue()));
    num_packed_ = plan_.num_packed();
    arrived_of_grouped_.set(plan_.arrived_of_grouped);
    grouped_of_arrived_.set(plan_.grouped_of_arrived);
    local_offsets_.set(plan_.local_offsets);
    own_direct_ = !plan_.already_grouped && own_blocks_are_large();
    id_ = ++transport_.num_plans;
    prepare();
    plan_is_fresh_ = true;
    dispatched_ = combined_ = false;
  }

  void start_dispatch(ConstRows rows, Overlap overlap) override {
    prepare();
    books_plan_ = std::exchange(plan_is_fresh_, false);
    dispatched_ = true;
    x_ = rows;
    transport_.packed.reserve(num_packed_ * transport_.out.bytes());
    arrived_ = landing(Way::out, plan_.num_arrived(), transport_.arrived);
    const std::int64_t after_own = plan_.own_packed + plan_.own_rows;
    pack(0, plan_.own_packed, packed(Way::out), 0);
    if (!own_direct_) pack(plan_.own_packed, plan_.own_rows, arrived_, plan_.own_arrived);
    pack(after_own, num_packed_ - after_own, packed(Way::out), after_own);
    if (transport_.is_alone()) return;
    transport_.wait();  // the exchange reads what was packed
    transport_.exchange->start(Way::out, packed(Way::out), arrived_, overlap);
  }

  ReceivedTokens finish_dispatch() override {
    if (!transport_.is_alone()) transport_.exchange->finish(Way::out);
    const RowGroups groups = RowGroups::contiguous(local_offsets_.view());
    if (plan_.already_grouped) return {arrived_, groups};
    transport_.grouped.reserve(plan_.num_arrived() * transport_.out.bytes());
    const Rows grouped = rows_in(transport_.grouped, plan_.num_arrived(), transport_.out);
    std::int64_t filled = 0;
    if (own_direct_) {
      for (const ExchangePlan::OwnBlock& own : plan_.own_blocks) {
        regroup(filled, own.grouped, grouped);
        pack(own.packed, own.count, grouped, own.grouped);
        filled = own.grouped + own.count;
      }
    }
    regroup(filled, plan_.num_arrived(), grouped);
    return {grouped, groups};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap overlap) override {
    prepare();
    combined_ = true;
    weights_ = weights;
    expert_out_ = expert_out;
    if (transport_.is_alone()) return;
    returned_ = landing(Way::back, num_packed_, transport_.packed);
    ungroup(expert_out, plan_.own_arrived, plan_.own_rows, returned_, plan_.own_packed);
    if (!plan_.already_grouped) {
      const std::int64_t after_own = plan_.own_arrived + plan_.own_rows;
      transport_.arrived.reserve(plan_.num_arrived() * transport_.back.bytes());
      const Rows to = rows_in(transport_.arrived, plan_.num_arrived(), transport_.back);
      ungroup(expert_out, 0, plan_.own_arrived, to, 0);
      ungroup(expert_out, after_own, plan_.num_arrived() - after_own, to, after_own);
      expert_out_ = to;
    }
    transport_.wait();  // the exchange reads the expert outputs
    transport_.exchange->start(Way::back, expert_out_, returned_, overlap);
  }

  void finish_combine(Rows out) override {
    if (!transport_.is_alone()) transport_.exchange->finish(Way::back);
    transport_.permuter->weighted_sum(transport_.is_alone() ? expert_out_ : ConstRows(returned_), packing_.row_of_copy,
                                      weights(), routing_->top_k, out);
  }

  void progress() override { transport_.exchange->progress(); }

  WireBytes dispatch_bytes() const override {
    WireBytes wire;
    if (!dispatched_) return wire;
    wire = rows_booked(Way::out);
    for (int r = 0; books_plan_ && r < transport_.comm.size(); ++r) {
      if (r != transport_.comm.rank()) book(wire, transport_.comm, r, ExchangePlan::counts_bytes(transport_.placement));
    }
    return wire;
  }

  WireBytes combine_bytes() const override { return combined_ ? rows_booked(Way::back) : WireBytes{}; }

 private:
  /// The exchange may have served another handle meanwhile.
  void prepare() {
    if (transport_.is_alone() || transport_.prepared == id_) return;
    transport_.exchange->prepare(plan_.send, plan_.arrive);
    transport_.prepared = id_;
  }

  static Rows rows_in(const Buffer& memory, std::int64_t num_rows, RowFormat format) {
    return Rows(memory.data(), num_rows, format, memory.space());
  }

  /// Where an exchange's rows arrive: the exchange's own memory if it has such, else `memory`.
  Rows landing(Way way, std::int64_t num_rows, Buffer& memory) {
    if (!transport_.is_alone()) {
      if (const auto rows = transport_.exchange->landing(way, num_rows)) return *rows;
    }
    memory.reserve(num_rows * transport_.format(way).bytes());
    return rows_in(memory, num_rows, transport_.format(way));
  }

  Rows packed(Way way) const { return rows_in(transport_.packed, num_packed_, transport_.format(way)); }

  /// Rows for the rank itself go straight to their groups at the price of two gathers per expert, which pays when
  /// they are long. Short ones (decode) take a place among the arrived instead and are regrouped with them.
  bool own_blocks_are_large() const {
    constexpr std::int64_t large = 64 << 10;
    return plan_.own_rows * transport_.out.bytes() >= large * static_cast<std::int64_t>(plan_.own_blocks.size());
  }

  View<const float> weights() {
    if (weights_.kind == CombineWeights::Kind::given) return weights_.values;
    if (weights_.kind == CombineWeights::Kind::of_routing) return routing_->topk_weights;
    return ones_.of(packing_.row_of_copy.size());
  }

  /// to[to_first + i] = x[token of packed row first + i]
  void pack(std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(x_, packing_.token_of_row, first, count, to, to_first);
  }

  /// Fills the grouped rows [first, last) from those that arrived.
  void regroup(std::int64_t first, std::int64_t last, Rows grouped) {
    gather(arrived_, arrived_of_grouped_.view(), first, last - first, grouped, first);
  }

  /// to[to_first + i] = the expert output of arrived row first + i
  void ungroup(ConstRows grouped, std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(grouped, grouped_of_arrived_.view(), first, count, to, to_first);
  }

  void gather(ConstRows from, View<const std::int64_t> source, std::int64_t first, std::int64_t count, Rows to,
              std::int64_t to_first) {
    if (count > 0) transport_.permuter->gather(from, source.part(first, count), to.slice(to_first, count));
  }

  WireBytes rows_booked(Way way) const {
    WireBytes wire;
    const Communicator& comm = transport_.comm;
    const std::int64_t own = plan_.own_rows * transport_.format(way).bytes();
    for (int r = 0; r < comm.size(); ++r) {
      book(wire, comm, r, r == comm.rank() ? own : transport_.exchange->sent_bytes(way, r));
    }
    return wire;
  }

  FlatTransport& transport_;
  const Routing* routing_ = nullptr;
  PermutePlan packing_;  // where the kernels' memory is
  ListOnHost<std::int64_t> offsets_;
  ExchangePlan plan_;
  ListForKernels<std::int64_t> arrived_of_grouped_, grouped_of_arrived_, local_offsets_;
  OnesForKernels ones_;
  CombineWeights weights_;  // of the last combine
  std::int64_t num_packed_ = 0, id_ = -1;
  ConstRows x_;
  Rows arrived_;          // of the last dispatch
  ConstRows expert_out_;  // of the last combine, in order of arrival
  Rows returned_;         // of the last combine, in packed order
  bool own_direct_ = false, plan_is_fresh_ = false, books_plan_ = false, dispatched_ = false, combined_ = false;
};

class FlatDispatcher final : public Dispatcher {
 public:
  FlatDispatcher(const DispatchContext& context, std::unique_ptr<RowExchange> exchange)
      : transport_(context, std::move(exchange)) {}

  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<FlatDispatch>(transport_); }
  RowRule row_rule() const override { return transport_.exchange->row_rule(); }
  bool can_overlap() const override { return transport_.exchange->can_overlap(); }
  std::string row_path() const override {
    const bool on_device = transport_.kernels.memory().space() == MemorySpace::device;
    return transport_.exchange->row_path() + (on_device ? "; copies per expert counted on the host" : "");
  }

 private:
  FlatTransport transport_;
};

}  // namespace

std::unique_ptr<Dispatcher> make_flat_dispatcher(const DispatchContext& context,
                                                 std::unique_ptr<RowExchange> exchange) {
  return std::make_unique<FlatDispatcher>(context, std::move(exchange));
}

}  // namespace moeperf
