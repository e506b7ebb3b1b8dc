#include "kernels/workload_sizes.hpp"

#include "kernels/base/saturating.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace moeperf {
namespace {

struct Size {
  std::string key;
  std::int64_t given = 0;
};

/// Sizes that are multiplied, and by `unit`.
struct Product {
  std::string what;
  std::int64_t unit = 1;
  std::vector<Size> sizes;
  std::int64_t most = max_size_bytes;

  /// Without the sizes of a key.
  Saturating bytes(const std::string& without = "") const {
    Saturating product = unit;
    for (const Size& size : sizes) {
      if (size.key != without) product = product * size.given;
    }
    return product;
  }
  bool has(const std::string& key) const {
    return std::any_of(sizes.begin(), sizes.end(), [&](const Size& size) { return size.key == key; });
  }
};

std::vector<Product> products_of(const Workload& workload) {
  const ModelShape& model = workload.model;
  const Size hidden{"model.hidden", model.hidden}, intermediate{"model.intermediate", model.intermediate};
  const Size experts{"model.experts", model.gate.num_experts}, top_k{"model.top_k", model.gate.top_k};
  const Size steps{"balancing.steps", workload.balancing.steps};
  // Units: elements of 4 bytes, which bf16 may become on the way; 3 matrices of an expert; logits and gradients.
  std::vector<Product> products{
      {"a row", 4, {hidden}},
      {"the weights of an expert", 12, {hidden, intermediate}},
      {"the weights of the shared experts", 12, {hidden, intermediate, {"model.shared_experts", model.shared_experts}}},
      {"the router", 12, {hidden, experts}},
      {"the loads of all balancing steps", 24, {steps, experts}},
      // All of them come before the one that is measured.
      {"a token's step has 24 bits", 1, {steps}, measured_step}};
  for (const KeptRows& kept : kept_rows(workload.traffic)) {
    products.push_back({"hidden states that the traffic pattern keeps", 4, {{kept.key, kept.rows}, hidden}});
    products.push_back({"their logits", 4, {{kept.key, kept.rows}, experts}});
  }
  for (const Phase& phase : workload.phases) {
    const Size tokens{fmt::format("phase.{}.tokens_per_rank", name(phase.kind)),
                      *std::max_element(phase.tokens_per_rank.begin(), phase.tokens_per_rank.end())};
    products.push_back({"K copies of a rank's tokens", 4, {tokens, top_k, hidden}});
    products.push_back({"a rank's logits and their gradients", 24, {tokens, experts}});
  }
  return products;
}

/// The largest value of a key that a workload's other sizes leave, and what would grow too large beyond.
Violation limit_of(const Size& size, const std::vector<Product>& products) {
  std::int64_t accepted = Saturating::most;
  std::string what;
  for (const Product& product : products) {
    const std::int64_t rest = product.bytes(size.key).value();
    if (!product.has(size.key) || rest == 0 || product.most / rest >= accepted) continue;
    accepted = product.most / rest;
    what = product.what;
  }
  return {size.key, fmt::format("{} given; accepted: at most {}, since the other sizes leave no more ({})", size.given,
                                std::max<std::int64_t>(1, accepted), what)};
}

}  // namespace

std::optional<Violation> first_oversize(const Workload& workload) {
  const std::vector<Product> products = products_of(workload);
  for (const Product& product : products) {
    if (product.bytes() <= product.most) continue;
    const auto smaller = [](const Size& a, const Size& b) { return a.given < b.given; };
    return limit_of(*std::max_element(product.sizes.begin(), product.sizes.end(), smaller), products);
  }
  return std::nullopt;
}

}  // namespace moeperf
