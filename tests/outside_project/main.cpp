// Runs a MoE layer forward with every dispatcher that works here, whole and in two chunks, and checks every token
// against the plain loops below, which share no code with it. Works on any number of ranks.
#include "benchmarks/layer/moe_layer.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/backend.hpp"
#include "kernels/balancing/scheme.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr int hidden = 24, intermediate = 10, num_experts = 7, top_k = 3;

using Matrix = std::vector<std::vector<float>>;

/// The same on every rank.
Matrix random_matrix(int rows, int cols, unsigned seed) {
  std::mt19937 engine(seed);
  Matrix matrix(static_cast<std::size_t>(rows), std::vector<float>(static_cast<std::size_t>(cols)));
  for (auto& row : matrix) {
    for (float& value : row) value = static_cast<float>(engine()) / 4294967296.0f - 0.5f;
  }
  return matrix;
}

moeperf::RowBuffer as_rows(const Matrix& matrix, int num_cols) {
  moeperf::RowBuffer buffer(static_cast<std::int64_t>(matrix.size()), num_cols, moeperf::DType::f32);
  for (std::size_t r = 0; r < matrix.size(); ++r) {
    std::copy(matrix[r].begin(), matrix[r].end(), buffer.rows().row<float>(static_cast<std::int64_t>(r)));
  }
  return buffer;
}

std::vector<double> times(const Matrix& matrix, const std::vector<double>& x) {
  std::vector<double> product;
  for (const auto& row : matrix) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(row[i]) * x[i];
    product.push_back(sum);
  }
  return product;
}

struct Expert {
  Matrix gate, up, down;
};

std::vector<double> expert_out(const Expert& expert, const std::vector<double>& x) {
  std::vector<double> inner = times(expert.up, x);
  const std::vector<double> gate = times(expert.gate, x);
  for (std::size_t i = 0; i < inner.size(); ++i) inner[i] *= gate[i] / (1 + std::exp(-gate[i]));
  return times(expert.down, inner);
}

/// Σ over the K experts of the largest softmax, whose weights add up to 1.
std::vector<double> layer_of(const std::vector<double>& x, const Matrix& router, const std::vector<Expert>& experts) {
  const std::vector<double> logits = times(router, x);
  std::vector<std::size_t> order;
  for (std::size_t e = 0; e < logits.size(); ++e) order.push_back(e);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  order.resize(top_k);
  double total = 0;
  for (const std::size_t e : order) total += std::exp(logits[e]);
  std::vector<double> sum(x.size(), 0);
  for (const std::size_t e : order) {
    const std::vector<double> y = expert_out(experts[e], x);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += std::exp(logits[e]) / total * y[i];
  }
  return sum;
}

/// Tokens that came out wrong.
int wrong_tokens(const Matrix& x, moeperf::ConstRows out, const Matrix& router, const std::vector<Expert>& experts) {
  int wrong = 0;
  for (std::size_t t = 0; t < x.size(); ++t) {
    const std::vector<double> want = layer_of({x[t].begin(), x[t].end()}, router, experts);
    const float* have = out.row<float>(static_cast<std::int64_t>(t));
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (!(std::abs(want[i] - static_cast<double>(have[i])) <= 1e-5)) {
        ++wrong;
        break;
      }
    }
  }
  return wrong;
}

int run() {
  const moeperf::Communicator comm(MPI_COMM_WORLD);
  moeperf::Communicator ranks = comm.duplicate();
  const auto kernels = moeperf::kernel_registry().make("reference", {1});

  std::vector<Expert> model;
  for (unsigned e = 0; e < num_experts; ++e) {
    model.push_back({random_matrix(intermediate, hidden, 10 * e + 1), random_matrix(intermediate, hidden, 10 * e + 2),
                     random_matrix(hidden, intermediate, 10 * e + 3)});
  }
  const Matrix router_matrix = random_matrix(num_experts, hidden, 1000);
  const int num_tokens = 5 + 2 * ranks.rank();
  const Matrix tokens = random_matrix(num_tokens, hidden, 2000 + static_cast<unsigned>(ranks.rank()));

  const moeperf::Placement placement(num_experts, ranks.size());
  const std::int32_t first = placement.first_expert(ranks.rank()), count = placement.num_local(ranks.rank());
  const auto experts =
      kernels->make_expert_ffn({hidden, intermediate, moeperf::Activation::swiglu, moeperf::DType::f32}, count);
  moeperf::LayerConfig config;
  for (std::int32_t i = 0; i < count; ++i) {
    const Expert& expert = model[static_cast<std::size_t>(first + i)];
    const auto gate = as_rows(expert.gate, hidden), up = as_rows(expert.up, hidden),
               down = as_rows(expert.down, intermediate);
    experts->load(i, {gate.rows(), up.rows(), down.rows()});
    config.set_of_expert.push_back(i);
  }
  config.exchange = {&ranks, kernels.get(), hidden, moeperf::DType::f32, placement, top_k};
  config.exchange.max_tokens = 5 + 2 * (ranks.size() - 1);
  config.gate.num_experts = num_experts;
  config.gate.top_k = top_k;
  config.experts = experts.get();

  const moeperf::GateState router{as_rows(router_matrix, hidden), std::vector<float>(num_experts, 0.0f), 1};
  const auto x = as_rows(tokens, hidden);
  std::int64_t first_token = 0;
  for (int rank = 0; rank < ranks.rank(); ++rank) first_token += 5 + 2 * rank;

  int failures = 0, layers = 0;
  for (const auto& entry : moeperf::dispatcher_registry().entries()) {
    if (moeperf::dispatcher_registry().why_not(entry, config.exchange)) continue;
    for (const int chunks : {1, 2}) {
      config.dispatcher = entry.name;
      config.chunks = chunks;
      if (chunks > 1 && !moeperf::make_dispatcher(entry.name, config.exchange)->can_overlap()) continue;
      moeperf::MoeLayer layer(config);
      moeperf::RowBuffer out(num_tokens, hidden, moeperf::DType::f32);
      layer.forward(x.rows(), first_token, router, out.rows(), {});
      kernels->queue().wait();
      const auto wrong = ranks.sum(static_cast<std::int64_t>(wrong_tokens(tokens, out.rows(), router_matrix, model)));
      if (wrong > 0) ++failures;
      if (wrong > 0 && ranks.is_root())
        std::printf("WRONG: %s, %d chunks: %d tokens\n", entry.name.c_str(), chunks, static_cast<int>(wrong));
      ++layers;
    }
  }
  if (ranks.is_root()) {
    std::printf("ranks %d, layers %d, wrong %d\ndispatchers", ranks.size(), layers, failures);
    for (const auto& entry : moeperf::dispatcher_registry().entries()) std::printf(" %s", entry.name.c_str());
    std::printf("\nkernels");
    for (const auto& entry : moeperf::kernel_registry().entries()) std::printf(" %s", entry.name.c_str());
    std::printf("\nschemes");
    for (const auto& entry : moeperf::scheme_registry().entries()) std::printf(" %s", entry.name.c_str());
    std::printf("\n");
  }
  return failures == 0 && layers > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const moeperf::MpiEnvironment mpi(argc, argv);
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
    return 1;
  }
}
