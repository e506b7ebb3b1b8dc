// Conformance: every dispatcher with rows that travel as another type delivers the same bits as a calculation without
// any exchange.
#include "comm/wire_dispatcher.hpp"

#include "comm/wire_reference.hpp"
#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"
#include "tests/comm/single_exchange.hpp"
#include "tests/matrix.hpp"

#include <utility>

namespace moeperf::test {
namespace {

std::vector<ExchangeCase> all_cases() {
  std::vector<ExchangeCase> cases;
  auto add = [&](const char* name, std::int32_t experts, std::int32_t top_k, std::int64_t hidden) -> ExchangeCase& {
    ExchangeCase spec;
    spec.name = name;
    spec.number = cases.size();
    spec.num_experts = experts;
    spec.top_k = top_k;
    spec.hidden = hidden;
    spec.tokens = [](int rank, int) { return 5 + 3 * rank; };
    cases.push_back(spec);
    return cases.back();
  };
  add("several blocks and a short one", 13, 3, 300).drop_percent = 20;
  add("rows of one element", 5, 2, 1);
  add("one expert takes all", 9, 2, 130).hot_expert = 7;
  add("ranks without tokens", 11, 4, 27).tokens = [](int rank, int) { return rank % 2 == 0 ? 0 : 9; };
  add("no tokens at all", 8, 2, 24).tokens = [](int, int) { return 0; };
  return cases;
}

/// To the values of `dtype` and back.
void round_to(DType dtype, Rows rows) {
  if (dtype == DType::f32 || rows.dtype() == DType::bf16) return;
  for (std::int64_t i = 0; i < rows.num_rows(); ++i) {
    std::for_each(rows.row<float>(i), rows.row<float>(i) + rows.num_cols(),
                  [](float& value) { value = static_cast<float>(BFloat16(value)); });
  }
}

/// Rows as they arrive. What fp8 does to them is the codec's to answer for.
void travel(WireType wire, Rows rows) {
  if (wire != WireType::fp8) return round_to(wire == WireType::bf16 ? DType::bf16 : DType::f32, rows);
  RowBuffer encoded(rows.num_rows(), wire_format(rows.num_cols(), wire));
  const auto codec = kernel_registry().make("reference", {})->make_row_codec(wire);
  codec->encode(rows, encoded.rows());
  codec->decode(encoded.rows(), rows);
}

ExpectedTokens expected_arrivals(const ExchangeCase& spec, WireType wire, const Communicator& comm) {
  ExpectedTokens expected = expected_tokens(spec, comm.rank(), comm.size());
  travel(wire, expected.rows.rows());
  return expected;
}

float element(ConstRows rows, std::int64_t row, std::int64_t h) {
  return rows.dtype() == DType::f32 ? rows.row<float>(row)[h] : static_cast<float>(rows.row<BFloat16>(row)[h]);
}

/// What combine must return: expert outputs, partial sums and sums each rounded to the type that expert outputs travel
/// as.
RowBuffer expected_sums(const ExchangeCase& spec, WireType wire, const Communicator& comm, CombineOrder order) {
  const DType back = wire == WireType::fp8 ? spec.dtype : wire == WireType::bf16 ? DType::bf16 : DType::f32;
  const auto rounded = [&](float value) { return back == DType::bf16 ? static_cast<float>(BFloat16(value)) : value; };
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const std::int64_t count = spec.tokens(comm.rank(), comm.size());
  const Routing routing = spec.routing(first, count);
  RowBuffer x = spec.hidden_states(first, count);
  travel(wire, x.rows());
  RowBuffer sums(count, spec.hidden, spec.dtype), expert_out(1, spec.hidden, spec.dtype);
  for (std::int64_t t = 0; t < count; ++t) {
    std::map<int, std::vector<float>> partials;
    for (std::int64_t copy = t * spec.top_k; copy < (t + 1) * spec.top_k; ++copy) {
      const std::int32_t expert = routing.topk_idx[static_cast<std::size_t>(copy)];
      if (expert < 0) continue;
      apply_expert(expert, false, x.rows().slice(t, 1), expert_out.rows());
      const int owner = placement.owner(expert);
      const int node = comm.node_of_rank()[static_cast<std::size_t>(owner)];
      std::vector<float>& partial = partials[order == CombineOrder::copies  ? 0
                                             : order == CombineOrder::ranks ? owner
                                                                            : node];
      partial.resize(static_cast<std::size_t>(spec.hidden));
      for (std::int64_t h = 0; h < spec.hidden; ++h) {
        float& sum = partial[static_cast<std::size_t>(h)];
        sum = std::fma(routing.topk_weights[static_cast<std::size_t>(copy)], rounded(element(expert_out.rows(), 0, h)),
                       sum);
      }
    }
    visit_dtype(spec.dtype, [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t h = 0; h < spec.hidden; ++h) {
        float sum = 0;
        for (const auto& [part, partial] : partials) {
          const float value = partial[static_cast<std::size_t>(h)];
          sum += order == CombineOrder::copies ? value : rounded(value);
        }
        sums.rows().row<Element>(t)[h] = Element(rounded(sum));
      }
    });
  }
  return sums;
}

DispatchContext context_of(const ExchangeCase& spec, WireType wire, Communicator& comm, KernelBackend& kernels) {
  DispatchContext context(&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = spec.most_tokens(comm.size());
  context.wire = wire;
  return context;
}

/// The same on every rank, so that none waits for one that gave up.
void require_no_fault(const Communicator& comm, const std::optional<std::string>& fault) {
  INFO("rank " << comm.rank() << ": " << fault.value_or("no fault here"));
  REQUIRE(comm.all(!fault.has_value()));
}

/// Dispatch, experts, combine. The first thing wrong on this rank.
std::optional<std::string> first_fault(SingleExchange& dispatcher, const ExchangeCase& spec, WireType wire,
                                       const Communicator& comm, bool in_halves) {
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const std::int64_t count = spec.tokens(comm.rank(), comm.size());
  const RowBuffer x = spec.hidden_states(first, count);
  const Routing routing = spec.routing(first, count);
  if (in_halves) dispatcher.start_dispatch(x.rows(), routing);
  dispatcher.progress();
  const ReceivedTokens received = in_halves ? dispatcher.finish_dispatch() : dispatcher.dispatch(x.rows(), routing);
  const ExpectedTokens tokens = expected_arrivals(spec, wire, comm);
  const auto wrong_tokens = difference(received, tokens.view());
  RowBuffer elsewhere =
      expert_out_of(tokens.view(), Placement(spec.num_experts, comm.size()).first_expert(comm.rank()), false);
  Rows expert_out = elsewhere.rows();
  if (const auto space = dispatcher.expert_out_space(); space && !wrong_tokens) {
    copy_rows(expert_out, *space);
    expert_out = *space;
  }
  RowBuffer out(count, spec.hidden, spec.dtype);
  if (out.rows().bytes() > 0) std::memset(out.rows().data(), 0x5a, static_cast<std::size_t>(out.rows().bytes()));
  if (in_halves) {
    dispatcher.start_combine(expert_out);
    dispatcher.progress();
    dispatcher.finish_combine(out.rows());
  } else {
    dispatcher.combine(expert_out, out.rows());
  }
  if (wrong_tokens) return "dispatch: " + *wrong_tokens;
  const auto wrong_sum = difference(out.rows(), expected_sums(spec, wire, comm, dispatcher.combine_order()).rows());
  if (wrong_sum) return "combine: " + *wrong_sum;
  return std::nullopt;
}

/// Calls `body` with every dispatcher that can carry the case's rows on every wire, under the kernels taken by default.
/// In a thin matrix (tests/matrix.hpp) the types of the rows take turns, and with them the caller's `layout`, one of
/// `num_layouts`.
void with_every_dispatcher(Communicator& comm, ExchangeCase spec,
                           const std::function<void(SingleExchange&, const ExchangeCase&, WireType)>& body,
                           std::size_t layout = 0, std::size_t num_layouts = 1) {
  const auto kernels = kernel_registry().make(kernel_registry().resolve({"auto"}, {}).front(), {});
  for (const std::size_t type : {0, 1}) {
    spec.dtype = type == 0 ? DType::f32 : DType::bf16;
    for (const WireType wire : wire_types) {
      const DispatchContext context = context_of(spec, wire, comm, *kernels);
      std::size_t step = spec.number;
      for (const auto& entry : dispatcher_registry().entries()) {
        if (!in_turn(step++, layout + num_layouts * type, num_layouts * 2)) continue;
        if (dispatcher_registry().why_not(entry, carried_context(context))) continue;
        INFO("dispatcher " << entry.name << ", case '" << spec.name << "', " << name(spec.dtype) << " as " << name(wire)
                           << ", " << comm.size() << " ranks on " << comm.num_nodes() << " nodes");
        SingleExchange dispatcher(make_dispatcher(entry.name, context));
        body(dispatcher, spec, wire);
      }
    }
  }
}

TEST_CASE("every dispatcher delivers and sums what each wire makes of the rows", "[mpi]") {
  const int num_layouts = std::min(Communicator(MPI_COMM_WORLD).size(), 3);
  for (int layout = 0; layout < num_layouts; ++layout) {
    Communicator comm(MPI_COMM_WORLD, layout);  // ranks of a node; 0: as they are
    REQUIRE((layout == 0 || comm.num_nodes() > 1));
    const auto body = [&](SingleExchange& dispatcher, const ExchangeCase& spec, WireType wire) {
      require_no_fault(comm, first_fault(dispatcher, spec, wire, comm, false));
      if (dispatcher.can_overlap()) require_no_fault(comm, first_fault(dispatcher, spec, wire, comm, true));
    };
    for (const ExchangeCase& of_any_type : all_cases()) {
      with_every_dispatcher(comm, of_any_type, body, static_cast<std::size_t>(layout),
                            static_cast<std::size_t>(num_layouts));
    }
  }
}

TEST_CASE("on every wire batches may grow and shrink, and a repeated one stays where it was", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase largest;
  largest.hidden = 140;
  const auto tokens_of = [](std::int64_t tokens) {
    return [tokens](int rank, int) { return tokens * (rank % 3) + tokens / 2; };
  };
  largest.tokens = tokens_of(50);
  with_every_dispatcher(comm, largest, [&](SingleExchange& dispatcher, const ExchangeCase& spec, WireType wire) {
    ExchangeCase batch = spec;
    for (const std::int64_t tokens : {4, 0, 50, 3}) {
      batch.tokens = tokens_of(tokens);
      batch.seed = static_cast<std::uint64_t>(tokens) + 3;
      require_no_fault(comm, first_fault(dispatcher, batch, wire, comm, false));
    }
    const std::int64_t first = batch.first_token(comm.rank(), comm.size());
    const RowBuffer x = batch.hidden_states(first, batch.tokens(comm.rank(), comm.size()));
    const Routing routing = batch.routing(first, x.rows().num_rows());
    const void* place = dispatcher.dispatch(x.rows(), routing).rows.data();
    REQUIRE(comm.all(dispatcher.dispatch(x.rows(), routing).rows.data() == place));
  });
}

TEST_CASE("f32 on the wire is exact for bf16 rows, and sums are rounded once", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.dtype = DType::bf16;
  const auto sums_on = [&](const char* dispatcher_name, WireType wire) {
    SingleExchange dispatcher(make_dispatcher(dispatcher_name, context_of(spec, wire, comm, *kernels)));
    const std::int64_t first = spec.first_token(comm.rank(), comm.size());
    const RowBuffer x = spec.hidden_states(first, spec.tokens(comm.rank(), comm.size()));
    const Routing routing = spec.routing(first, x.rows().num_rows());
    const ReceivedTokens received = dispatcher.dispatch(x.rows(), routing);
    const RowBuffer expert_out =
        expert_out_of(received, Placement(spec.num_experts, comm.size()).first_expert(comm.rank()), false);
    RowBuffer out(x.rows().num_rows(), spec.hidden, spec.dtype);
    dispatcher.combine(expert_out.rows(), out.rows());
    return out;
  };
  // One chain of f32 sums either way, so the wire makes no difference.
  const RowBuffer native = sums_on("mpi-alltoallv", WireType::bf16), wide = sums_on("mpi-alltoallv", WireType::f32);
  require_no_fault(comm, difference(wide.rows(), native.rows()));
}

TEST_CASE("the bytes booked are those that travel, scales included", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.hidden = 130;
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const RowBuffer x = spec.hidden_states(first, spec.tokens(comm.rank(), comm.size()));
  const Routing routing = spec.routing(first, x.rows().num_rows());
  std::int64_t copies_out = 0;  // to other ranks
  for (const std::int32_t expert : routing.topk_idx) copies_out += placement.owner(expert) != comm.rank();
  const std::int64_t counts = (comm.size() - 1) * ((spec.num_experts + comm.size() - 1) / comm.size()) * 8;
  // 130 codes, two bytes of padding, two scales.
  const std::pair<WireType, std::int64_t> row_bytes[]{
      {WireType::fp8, 130 + 2 + 2 * 4}, {WireType::bf16, 130 * 2}, {WireType::f32, 130 * 4}};
  for (const auto& [wire, bytes] : row_bytes) {
    SingleExchange dispatcher(make_dispatcher("mpi-alltoallv", context_of(spec, wire, comm, *kernels)));
    const ReceivedTokens received = dispatcher.dispatch(x.rows(), routing);
    RowBuffer out(x.rows().num_rows(), spec.hidden, spec.dtype);
    dispatcher.combine(received.rows, out.rows());
    const WireBytes sent = dispatcher.dispatch_bytes(), back = dispatcher.combine_bytes();
    INFO(name(wire));
    REQUIRE(comm.all(sent.intra + sent.inter == copies_out * bytes + counts));
    const std::int64_t expert_out_bytes = wire == WireType::f32 ? 130 * 4 : 130 * 2;
    REQUIRE(comm.sum(back.intra + back.inter) == comm.sum(copies_out) * expert_out_bytes);
  }
}

TEST_CASE("the reference that verification uses is what a dispatcher does, and its bound on sums holds", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase of_any_type;
  of_any_type.top_k = 4;
  of_any_type.hidden = 150;
  const auto oracle = kernel_registry().make("reference", {});
  with_every_dispatcher(comm, of_any_type, [&](SingleExchange& dispatcher, const ExchangeCase& spec, WireType wire) {
    const Placement placement(spec.num_experts, comm.size());
    const RowFormat format{spec.hidden, spec.dtype};
    WireReference reference(*oracle, format, wire, dispatcher.combine_order(), placement, comm.node_of_rank());
    const std::int64_t first = spec.first_token(comm.rank(), comm.size());
    const std::int64_t count = spec.tokens(comm.rank(), comm.size());
    const RowBuffer x = spec.hidden_states(first, count);
    const Routing routing = spec.routing(first, count);
    RowBuffer sums(count, format), arrived(1, format), expert_out(spec.top_k, format);
    const double bound = reference.sum_error_bound() + (spec.dtype == DType::f32 ? 0x1p-20 : 0x1p-8 + 0x1p-20);
    std::int64_t beyond = 0;
    for (std::int64_t t = 0; t < count; ++t) {
      const auto at = static_cast<std::size_t>(t * spec.top_k), top_k = static_cast<std::size_t>(spec.top_k);
      reference.arrive(x.rows().slice(t, 1), arrived.rows());
      for (std::int64_t k = 0; k < spec.top_k; ++k) {
        const std::int32_t expert = routing.topk_idx[at + static_cast<std::size_t>(k)];
        apply_expert(expert, false, arrived.rows(), expert_out.rows().slice(k, 1));
      }
      reference.sum(expert_out.rows(), routing.topk_idx.host().subspan(at, top_k),
                    routing.topk_weights.host().subspan(at, top_k), sums.rows().slice(t, 1));
      for (std::int64_t h = 0; h < spec.hidden; ++h) {
        double exact = 0, magnitudes = 0;
        for (std::size_t k = 0; k < top_k; ++k) {
          const double term =
              double{routing.topk_weights[at + k]} * element(expert_out.rows(), static_cast<std::int64_t>(k), h);
          exact += term;
          magnitudes += std::abs(term);
        }
        // bf16 models round sums to their own type, partial ones too.
        const double own = spec.dtype == DType::bf16 && dispatcher.combine_order() != CombineOrder::copies ? 2 : 1;
        beyond += std::abs(element(sums.rows(), t, h) - exact) > own * bound * magnitudes;
      }
    }
    require_no_fault(comm, difference(sums.rows(), expected_sums(spec, wire, comm, dispatcher.combine_order()).rows()));
    REQUIRE(comm.all(beyond == 0));
    REQUIRE((reference.sum_error_bound() > 0) == (spec.dtype == DType::f32 && wire == WireType::bf16));
  });
}

}  // namespace
}  // namespace moeperf::test
