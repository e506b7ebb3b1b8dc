#include "results/routing_reader.hpp"

#include "results/hdf5.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <system_error>

namespace moeperf {
namespace {

constexpr const char* expected =
    "a dataset 'indices' of int32, shaped [tokens, top_k] or [steps, tokens, top_k], if wanted 'weights' of float32 in "
    "the same shape, and the int64 attributes num_experts and top_k";

[[noreturn]] void reject(const std::filesystem::path& path, const std::string& what) {
  throw UserError(fmt::format("{}: {}; accepted: {}", path.string(), what, expected));
}

RoutingFile read(const std::filesystem::path& path) {
  const hdf5::Handle file = hdf5::open_file(path.string(), false);
  for (const char* name : {"num_experts", "top_k"}) {
    if (!hdf5::has_attribute(file, name)) reject(path, fmt::format("no attribute '{}'", name));
  }
  RoutingFile routing;
  routing.num_experts = hdf5::read_integer_attribute(file, "num_experts");
  routing.top_k = hdf5::read_integer_attribute(file, "top_k");
  if (!hdf5::exists(file, "indices")) reject(path, "no dataset 'indices'");
  std::vector<std::int64_t> shape = hdf5::shape_of(file, "indices");
  if (shape.size() != 2 && shape.size() != 3) reject(path, fmt::format("'indices' has {} dimensions", shape.size()));
  const bool has_weights = hdf5::exists(file, "weights");
  if (has_weights && hdf5::shape_of(file, "weights") != shape) {
    reject(path, fmt::format("'indices' is shaped [{}], 'weights' [{}]", fmt::join(shape, ", "),
                             fmt::join(hdf5::shape_of(file, "weights"), ", ")));
  }
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1) {
    reject(path, fmt::format("'indices' is empty ({} steps, {} tokens, {} choices)", shape[0], shape[1], shape[2]));
  }
  if (shape[2] != routing.top_k) {
    reject(path, fmt::format("'indices' has {} choices per token, attribute top_k is {}", shape[2], routing.top_k));
  }
  constexpr std::int64_t most_experts = std::numeric_limits<std::int32_t>::max();
  if (routing.num_experts < 1 || routing.num_experts > most_experts) {
    reject(path, fmt::format("attribute num_experts is {}", routing.num_experts));
  }
  routing.num_steps = shape[0];
  routing.num_tokens = shape[1];
  routing.indices = hdf5::read_dataset<std::int32_t>(file, "indices");
  if (has_weights) routing.weights = hdf5::read_dataset<float>(file, "weights");
  return routing;
}

}  // namespace

RoutingFile read_routing(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) throw UserError(path.string() + ": no such file");
  try {
    return read(path);
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    reject(path, error.what());
  }
}

}  // namespace moeperf
