#include "results/routing_reader.hpp"

#include "results/real_elements.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <system_error>

namespace moeperf {
namespace {

constexpr const char* expected =
    "a dataset 'indices' of integers, shaped [tokens, top_k] or with steps or layers beside the tokens, if wanted "
    "'weights' of floating-point numbers in the same shape, and the integer attributes num_experts and top_k";

[[noreturn]] void reject(const std::filesystem::path& path, const std::string& what, const std::string& accepted) {
  throw UserError(fmt::format("{}: {}; accepted: {}", path.string(), what, accepted));
}

/// Integers of any type as 64 bits; `is_unsigned` where these are to be read as uint64.
class Integers {
 public:
  Integers(const std::filesystem::path& path, const std::string& name, hid_t dataset) : dataset_(dataset) {
    const hdf5::Handle type(H5Dget_type(dataset), "H5Dget_type");
    if (H5Tget_class(type) != H5T_INTEGER) {
      reject(path, fmt::format("the elements of '{}' are of another type", name), "integers of 1 to 8 bytes");
    }
    is_unsigned_ = H5Tget_sign(type) == H5T_SGN_NONE;
  }
  void read(const RecordedArray::Selection& selection, std::vector<std::int64_t>& values) const {
    const hid_t in_memory = is_unsigned_ ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64;
    hdf5::check(H5Dread(dataset_, in_memory, selection.in_memory, selection.in_file, H5P_DEFAULT, values.data()),
                "dataset '" + hdf5::path_of(dataset_, "") + "'");
  }
  std::string text(std::int64_t value) const {
    return is_unsigned_ ? std::to_string(static_cast<std::uint64_t>(value)) : std::to_string(value);
  }
  bool is_within(std::int64_t value, std::int64_t least, std::int64_t end) const {
    return value < end && (value >= 0 || (!is_unsigned_ && value >= least));
  }

 private:
  hid_t dataset_;
  bool is_unsigned_ = false;
};

void read_indices(const std::filesystem::path& path, const RecordedArray& array, RoutingFile& routing) {
  const Integers integers(path, "indices", array.dataset());
  const std::int64_t per_step = routing.num_tokens * routing.top_k;
  std::vector<std::int64_t> values(static_cast<std::size_t>(per_step));
  for (std::int64_t step = 0; step < routing.num_steps; ++step) {
    integers.read(array.rows(array.dataset(), step, 0, routing.num_tokens), values);
    for (std::int64_t at = 0; at < per_step; ++at) {
      const std::int64_t expert = values[static_cast<std::size_t>(at)];
      if (!integers.is_within(expert, -1, routing.num_experts)) {
        reject(path,
               fmt::format("found expert {} at indices[step {}, token {}, copy {}]", integers.text(expert), step,
                           at / routing.top_k, at % routing.top_k),
               fmt::format("0 to {}, or -1 for a dropped copy", routing.num_experts - 1));
      }
      routing.indices.push_back(static_cast<std::int32_t>(expert));
    }
  }
}

void read_weights(const std::filesystem::path& path, hid_t file, const RecordedArray& array, RoutingFile& routing) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, "weights");
  const std::vector<std::int64_t> shape = hdf5::shape_of(dataset);
  if (shape != array.shape()) {
    reject(
        path,
        fmt::format("'indices' is shaped [{}], 'weights' [{}]", fmt::join(array.shape(), ", "), fmt::join(shape, ", ")),
        "the same shape");
  }
  const auto format = hdf5::real_format(dataset);
  if (!format) reject(path, "the elements of 'weights' are of another type", hdf5::real_formats);
  std::vector<double> values(static_cast<std::size_t>(routing.num_tokens * routing.top_k));
  for (std::int64_t step = 0; step < routing.num_steps; ++step) {
    const auto rows = array.rows(dataset, step, 0, routing.num_tokens);
    hdf5::read_reals(dataset, *format, rows.in_memory, rows.in_file, values);
    routing.weights.insert(routing.weights.end(), values.begin(), values.end());
  }
}

RoutingFile read(const std::filesystem::path& path, const LayoutRequest& request) {
  const hdf5::Handle file = hdf5::open_file(path.string(), false);
  for (const char* name : {"num_experts", "top_k"}) {
    if (!hdf5::has_attribute(file, name)) reject(path, fmt::format("no attribute '{}'", name), expected);
  }
  RoutingFile routing;
  routing.num_experts = hdf5::read_any_integer_attribute(file, "num_experts");
  routing.top_k = hdf5::read_any_integer_attribute(file, "top_k");
  constexpr std::int64_t most_experts = std::numeric_limits<std::int32_t>::max();
  if (routing.num_experts < 1 || routing.num_experts > most_experts) {
    reject(path, fmt::format("attribute num_experts is {}", routing.num_experts), fmt::format("1 to {}", most_experts));
  }
  const RecordedArray array(path, file, "indices", "k", request);
  if (array.width() != routing.top_k) {
    reject(path, fmt::format("'indices' has {} choices per token, attribute top_k is {}", array.width(), routing.top_k),
           "the same number");
  }
  routing.num_steps = array.num_steps();
  routing.num_tokens = array.num_tokens();
  read_indices(path, array, routing);
  if (hdf5::exists(file, "weights")) read_weights(path, file, array, routing);
  return routing;
}

}  // namespace

RoutingFile read_routing(const std::filesystem::path& path, const LayoutRequest& request) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) throw UserError(path.string() + ": no such file");
  try {
    return read(path, request);
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    reject(path, error.what(), expected);
  }
}

}  // namespace moeperf
