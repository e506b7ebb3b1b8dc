#include "results/logits_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <system_error>

namespace moeperf {
namespace {

constexpr const char* expected =
    "a dataset 'logits' of float32 or float64, shaped [tokens, experts] or [steps, tokens, experts]";

[[noreturn]] void reject(const std::filesystem::path& path, const std::string& what) {
  throw UserError(fmt::format("{}: {}; accepted: {}", path.string(), what, expected));
}

}  // namespace

LogitsReader::LogitsReader(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored)) throw UserError(path_.string() + ": no such file");
  try {
    open();
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    reject(path_, error.what());
  }
}

void LogitsReader::open() {
  file_ = hdf5::open_file(path_.string(), false);
  if (!hdf5::exists(file_, "logits")) reject(path_, "no dataset 'logits'");
  dataset_ = hdf5::open_dataset(file_, "logits");
  const hdf5::Handle type(H5Dget_type(dataset_), "H5Dget_type");
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_class(type) != H5T_FLOAT || (size != 4 && size != 8))
    reject(path_, "the elements of 'logits' are of another type");
  std::vector<std::int64_t> shape = hdf5::shape_of(dataset_);
  if (shape.size() != 2 && shape.size() != 3) reject(path_, fmt::format("'logits' has {} dimensions", shape.size()));
  has_steps_ = shape.size() == 3;
  if (!has_steps_) shape.insert(shape.begin(), 1);
  shape_ = {shape[0], shape[1], shape[2]};
  if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1) {
    reject(path_, fmt::format("'logits' is empty ({} steps, {} tokens, {} experts)", shape[0], shape[1], shape[2]));
  }
  if (shape[2] > std::numeric_limits<std::int32_t>::max()) {
    reject(path_, fmt::format("'logits' claims {} experts", shape[2]));
  }
}

void LogitsReader::read(std::int64_t step, std::int64_t first_token, std::span<double> logits) const {
  if (logits.empty()) return;
  const auto experts = static_cast<hsize_t>(shape_.num_experts);
  std::vector<hsize_t> offset{static_cast<hsize_t>(step), static_cast<hsize_t>(first_token), 0};
  std::vector<hsize_t> count{1, logits.size() / experts, experts};
  if (!has_steps_) {
    offset.erase(offset.begin());
    count.erase(count.begin());
  }
  const hdf5::Handle in_file = hdf5::select_box(dataset_, offset, count);
  const hdf5::Handle in_memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                               "H5Screate_simple");
  if (H5Dread(dataset_, H5T_NATIVE_DOUBLE, in_memory, in_file, H5P_DEFAULT, logits.data()) < 0) {
    throw UserError(fmt::format("{}: {}", path_.string(), hdf5::Hdf5Error("'logits'").what()));
  }
  const auto bad = std::find_if(logits.begin(), logits.end(), [](double z) { return !std::isfinite(z); });
  if (bad == logits.end()) return;
  const auto place = bad - logits.begin();
  throw UserError(fmt::format("{}: logits[step {}, token {}, expert {}] is {}; accepted: finite numbers",
                              path_.string(), step, first_token + place / shape_.num_experts,
                              place % shape_.num_experts, *bad));
}

}  // namespace moeperf
