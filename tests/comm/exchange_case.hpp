#pragma once

#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/base/buffer.hpp"
#include "kernels/base/philox.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moeperf::test {

/// One exchange, as pure functions of global token indices: any rank knows what every rank sends and receives.
struct ExchangeCase {
  std::string name;
  std::size_t number = 0;  ///< among those of a matrix
  std::int32_t num_experts = 8;
  std::int32_t top_k = 2;
  std::int64_t hidden = 24;
  DType dtype = DType::bf16;
  std::function<std::int64_t(int rank, int num_ranks)> tokens = [](int, int) { return std::int64_t{13}; };
  std::int32_t hot_expert = -1;  ///< everybody's first choice, and the only one: the others are dropped
  std::uint32_t drop_percent = 0;
  std::uint64_t seed = 1;
  std::int64_t wire_bytes = 0;  ///< length of rows encoded for dispatch; 0: they travel as they are

  std::uint32_t random(std::uint64_t item, std::uint32_t index) const {
    return random_bits(seed, RandomStream::token_noise, item, index)[0];
  }

  std::int64_t first_token(int rank, int num_ranks) const {
    std::int64_t first = 0;
    for (int r = 0; r < rank; ++r) first += tokens(r, num_ranks);
    return first;
  }

  std::int64_t most_tokens(int num_ranks) const {
    std::int64_t most = 0;
    for (int r = 0; r < num_ranks; ++r) most = std::max(most, tokens(r, num_ranks));
    return most;
  }

  /// Choices of tokens [first, first + count).
  Routing routing(std::int64_t first, std::int64_t count) const {
    Routing result;
    result.resize(count, top_k);
    std::vector<std::int32_t> experts(static_cast<std::size_t>(num_experts));
    for (std::size_t copy = 0; copy < result.topk_idx.size(); ++copy) {
      const auto k = copy % static_cast<std::size_t>(top_k);
      const auto token = static_cast<std::uint64_t>(first) + copy / static_cast<std::size_t>(top_k);
      if (k == 0) {
        for (std::size_t e = 0; e < experts.size(); ++e) experts[e] = static_cast<std::int32_t>(e);
      }
      const auto salt = static_cast<std::uint32_t>(1000 + 3 * k);
      std::swap(experts[k], experts[k + random(token, salt) % (experts.size() - k)]);
      std::int32_t expert = hot_expert < 0 ? experts[k] : k == 0 ? hot_expert : -1;
      if (random(token, salt + 1) % 100 < drop_percent) expert = -1;
      result.topk_idx[copy] = expert;
      result.topk_weights[copy] = expert < 0 ? 0.0f : unit_variance(random(token, salt + 2));
    }
    return result;
  }

  RowBuffer hidden_states(std::int64_t first, std::int64_t count) const {
    RowBuffer x(count, hidden, dtype);
    visit_dtype(dtype, [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t t = 0; t < count; ++t) {
        auto* row = x.rows().row<Element>(t);
        for (std::int64_t h = 0; h < hidden; ++h) {
          const auto word = static_cast<std::uint32_t>((first + t) * 2654435761u + h * 40503u) ^ (seed * 97u);
          row[h] = Element(unit_variance((word >> 8) ^ word));
        }
      }
    });
    return x;
  }

  std::optional<RowFormat> wire_format() const {
    if (wire_bytes == 0) return std::nullopt;
    return RowFormat{wire_bytes, DType::u8};
  }

  /// Rows as they travel out. No codec is needed to see whether every byte arrives: each of the wire is one of the
  /// row's, mixed with its place.
  RowBuffer as_dispatched(RowBuffer rows) const {
    if (wire_bytes == 0) return rows;
    RowBuffer encoded(rows.rows().num_rows(), *wire_format());
    for (std::int64_t i = 0; i < rows.rows().num_rows(); ++i) {
      for (std::int64_t j = 0; j < wire_bytes; ++j) {
        encoded.rows().row_data(i)[j] = rows.rows().row_data(i)[j % rows.rows().row_bytes()] ^ std::byte(j % 251);
      }
    }
    return encoded;
  }
};

/// What an expert does to an element in these tests; the identity in all but the values.
inline float expert_scale(std::int32_t expert, bool identity) {
  return identity ? 1.0f : 1.0f + 0.25f * static_cast<float>(expert % 7);
}

inline void apply_expert(std::int32_t expert, bool identity, ConstRows in, Rows out) {
  visit_dtype(in.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t i = 0; i < in.num_rows(); ++i) {
      for (std::int64_t h = 0; h < in.num_cols(); ++h) {
        out.row<Element>(i)[h] = Element(static_cast<float>(in.row<Element>(i)[h]) * expert_scale(expert, identity));
      }
    }
  });
}

inline RowBuffer expert_out_of(const ReceivedTokens& received, std::int32_t first_expert, bool identity) {
  RowBuffer expert_out(received.rows.num_rows(), received.rows.num_cols(), received.rows.dtype());
  for (std::int64_t e = 0; e < received.groups.num_groups(); ++e) {
    const std::int64_t first = received.groups.first(e), count = received.groups.count(e);
    apply_expert(first_expert + static_cast<std::int32_t>(e), identity, received.rows.slice(first, count),
                 expert_out.rows().slice(first, count));
  }
  return expert_out;
}

/// What dispatch must deliver, written down without any exchange.
struct ExpectedTokens {
  RowBuffer rows;
  std::vector<std::int64_t> offsets{0};
  ReceivedTokens view() const { return {rows.rows(), RowGroups::contiguous(offsets)}; }
};

inline ExpectedTokens expected_tokens(const ExchangeCase& spec, int rank, int num_ranks) {
  const Placement placement(spec.num_experts, num_ranks);
  const std::int64_t all = spec.first_token(num_ranks, num_ranks);
  const Routing routing = spec.routing(0, all);
  const RowBuffer x = spec.hidden_states(0, all);
  ExpectedTokens expected;
  std::vector<std::int64_t> tokens;
  for (std::int32_t e = placement.first_expert(rank); e < placement.first_expert(rank + 1); ++e) {
    for (std::size_t copy = 0; copy < routing.topk_idx.size(); ++copy) {
      if (routing.topk_idx[copy] == e) tokens.push_back(static_cast<std::int64_t>(copy) / spec.top_k);
    }
    expected.offsets.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  expected.rows = RowBuffer(expected.offsets.back(), spec.hidden, spec.dtype);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::memcpy(expected.rows.rows().row_data(static_cast<std::int64_t>(i)), x.rows().row_data(tokens[i]),
                static_cast<std::size_t>(x.rows().row_bytes()));
  }
  return expected;
}

/// What combine must return on `rank`: each token's expert outputs summed in the order stated.
inline RowBuffer expected_sum(const ExchangeCase& spec, const Communicator& comm, CombineOrder order, bool identity) {
  const int rank = comm.rank(), num_ranks = comm.size();
  const Placement placement(spec.num_experts, num_ranks);
  const auto part_of = [&](std::int32_t expert) {
    if (order == CombineOrder::copies) return 0;
    const int owner = placement.owner(expert);
    return order == CombineOrder::ranks ? owner : comm.node_of_rank()[static_cast<std::size_t>(owner)];
  };
  const std::int64_t first = spec.first_token(rank, num_ranks);
  const std::int64_t count = spec.tokens(rank, num_ranks);
  const Routing routing = spec.routing(first, count);
  const RowBuffer x = spec.hidden_states(first, count);
  RowBuffer sums(count, spec.hidden, spec.dtype);
  RowBuffer expert_out(1, spec.hidden, spec.dtype);
  std::vector<float> sum;
  visit_dtype(spec.dtype, [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t t = 0; t < count; ++t) {
      std::map<int, std::vector<float>> partials;
      for (std::int64_t copy = t * spec.top_k; copy < (t + 1) * spec.top_k; ++copy) {
        const std::int32_t expert = routing.topk_idx[static_cast<std::size_t>(copy)];
        if (expert < 0) continue;
        apply_expert(expert, identity, x.rows().slice(t, 1), expert_out.rows());
        std::vector<float>& partial = partials[part_of(expert)];
        partial.resize(static_cast<std::size_t>(spec.hidden));
        for (std::size_t h = 0; h < partial.size(); ++h) {
          const auto value = static_cast<float>(expert_out.rows().row<Element>(0)[h]);
          partial[h] = std::fma(routing.topk_weights[static_cast<std::size_t>(copy)], value, partial[h]);
        }
      }
      sum.assign(static_cast<std::size_t>(spec.hidden), 0.0f);
      for (const auto& [part, partial] : partials) {
        for (std::size_t h = 0; h < sum.size(); ++h) {
          sum[h] += order == CombineOrder::copies ? partial[h] : static_cast<float>(Element(partial[h]));
        }
      }
      std::transform(sum.begin(), sum.end(), sums.rows().row<Element>(t), [](float value) { return Element(value); });
    }
  });
  return sums;
}

/// The first difference in words; nothing where all bits agree.
inline std::optional<std::string> difference(ConstRows got, ConstRows want) {
  if (got.num_rows() != want.num_rows() || got.num_cols() != want.num_cols() || got.dtype() != want.dtype()) {
    return std::to_string(got.num_rows()) + " rows instead of " + std::to_string(want.num_rows());
  }
  for (std::int64_t i = 0; i < want.num_rows(); ++i) {
    if (std::memcmp(got.row_data(i), want.row_data(i), static_cast<std::size_t>(want.row_bytes())) != 0) {
      return "row " + std::to_string(i) + " differs";
    }
  }
  return std::nullopt;
}

inline std::optional<std::string> difference(const ReceivedTokens& got, const ReceivedTokens& want) {
  if (!std::ranges::equal(got.groups.offsets.host(), want.groups.offsets.host())) {
    return "the experts' offsets differ";
  }
  return difference(got.rows, want.rows);
}

/// One rank's batch, and what should come of it.
struct Batch {
  Batch(const ExchangeCase& spec, const Communicator& comm)
      : first(spec.first_token(comm.rank(), comm.size())),
        count(spec.tokens(comm.rank(), comm.size())),
        x(spec.hidden_states(first, count)),
        routing(spec.routing(first, count)),
        want(expected_tokens(spec, comm.rank(), comm.size())),
        expert_out(
            expert_out_of(want.view(), Placement(spec.num_experts, comm.size()).first_expert(comm.rank()), false)),
        out(count, spec.hidden, spec.dtype) {}

  std::int64_t first, count;
  RowBuffer x;
  Routing routing;
  ExpectedTokens want;
  RowBuffer expert_out, out;
};

}  // namespace moeperf::test
