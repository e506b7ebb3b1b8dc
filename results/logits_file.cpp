#include "results/logits_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <system_error>

namespace moeperf {
namespace {

[[noreturn]] void reject(const std::filesystem::path& path, const std::string& what, const std::string& accepted) {
  throw UserError(fmt::format("{}: {}; accepted: {}", path.string(), what, accepted));
}

/// The library's errors as ones of the user's file.
void guarded(const std::filesystem::path& path, const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    reject(path, error.what(), "an HDF5 file as results/SCHEMA.md says");
  }
}

void require_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) throw UserError(path.string() + ": no such file");
}

hdf5::RealFormat format_of(const std::filesystem::path& path, const std::string& name, hid_t dataset) {
  const auto format = hdf5::real_format(dataset);
  if (!format) reject(path, fmt::format("the elements of '{}' are of another type", name), hdf5::real_formats);
  return *format;
}

}  // namespace

LogitsReader::LogitsReader(std::filesystem::path path, const LayoutRequest& request) : path_(std::move(path)) {
  require_file(path_);
  guarded(path_, [&] { open(request); });
}

void LogitsReader::open(const LayoutRequest& request) {
  file_ = hdf5::open_file(path_.string(), false);
  logits_.emplace(path_, file_, "logits", "expert", request);
  format_ = format_of(path_, "logits", logits_->dataset());
  shape_ = {logits_->num_steps(), logits_->num_tokens(), logits_->width()};
  if (shape_.num_experts > std::numeric_limits<std::int32_t>::max()) {
    reject(path_, fmt::format("'logits' claims {} experts", shape_.num_experts), "fewer than 2^31");
  }
  if (hdf5::exists(file_, "mask")) open_mask();
}

void LogitsReader::open_mask() {
  mask_ = hdf5::open_dataset(file_, "mask");
  const std::vector<std::int64_t> shape = hdf5::shape_of(mask_);
  mask_has_steps_ = shape.size() == 2;
  const std::vector<std::int64_t> of_tokens{shape_.num_tokens}, of_steps{shape_.num_steps, shape_.num_tokens};
  if (shape != of_tokens && shape != of_steps) {
    reject(path_, fmt::format("'mask' is shaped [{}]", fmt::join(shape, ", ")),
           fmt::format("[{}] or [{}], the tokens or the steps and tokens of 'logits'", fmt::join(of_tokens, ", "),
                       fmt::join(of_steps, ", ")));
  }
  const hdf5::Handle type(H5Dget_type(mask_), "H5Dget_type");
  if (H5Tget_class(type) != H5T_INTEGER && H5Tget_class(type) != H5T_ENUM) {
    reject(path_, "the elements of 'mask' are of another type", "integers or booleans: 1 for a token, 0 for padding");
  }
}

void LogitsReader::read_mask(std::int64_t step, std::int64_t first_token, std::span<std::uint8_t> is_token) const {
  std::fill(is_token.begin(), is_token.end(), std::uint8_t{1});
  if (!has_mask()) return;
  std::vector<hsize_t> offset{static_cast<hsize_t>(step), static_cast<hsize_t>(first_token)};
  std::vector<hsize_t> count{1, is_token.size()};
  if (!mask_has_steps_) {
    offset.erase(offset.begin());
    count.erase(count.begin());
  }
  std::vector<std::int64_t> values(is_token.size());
  const hdf5::Handle in_file = hdf5::select_box(mask_, offset, count);
  const hdf5::Handle in_memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                               "H5Screate_simple");
  hdf5::check(H5Dread(mask_, H5T_NATIVE_INT64, in_memory, in_file, H5P_DEFAULT, values.data()), "'mask'");
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (values[t] != 0 && values[t] != 1) {
      reject(path_,
             fmt::format("mask[step {}, token {}] is {}", step, first_token + static_cast<std::int64_t>(t), values[t]),
             "1 for a token, 0 for padding");
    }
    is_token[t] = static_cast<std::uint8_t>(values[t]);
  }
}

void LogitsReader::read(std::int64_t step, std::int64_t first_token, std::span<double> logits,
                        std::span<std::uint8_t> is_token) const {
  if (is_token.empty()) return;
  const auto experts = static_cast<std::size_t>(shape_.num_experts);
  guarded(path_, [&] {
    read_mask(step, first_token, is_token);
    const auto [in_file, in_memory] =
        logits_->rows(logits_->dataset(), step, first_token, static_cast<std::int64_t>(is_token.size()));
    hdf5::read_reals(logits_->dataset(), format_, in_memory, in_file, logits);
  });
  for (std::size_t t = 0; t < is_token.size(); ++t) {
    const auto row = logits.subspan(t * experts, experts);
    if (is_token[t] == 0) {
      std::fill(row.begin(), row.end(), 0.0);
      continue;
    }
    const auto bad = std::find_if(row.begin(), row.end(), [](double z) { return !std::isfinite(z) && !(z < 0); });
    if (bad == row.end()) continue;
    reject(path_,
           fmt::format("logits[step {}, token {}, expert {}] is {}", step, first_token + static_cast<std::int64_t>(t),
                       bad - row.begin(), *bad),
           "finite numbers, and -inf for an expert that the token may not choose");
  }
}

std::vector<float> read_bias(const std::filesystem::path& path, const std::string& dataset, std::int64_t num_experts) {
  require_file(path);
  std::vector<double> values(static_cast<std::size_t>(num_experts));
  guarded(path, [&] {
    const hdf5::Handle file = hdf5::open_file(path.string(), false);
    const std::string accepted =
        fmt::format("a dataset '{}' shaped [{}], a number for each expert", dataset, num_experts);
    if (!hdf5::exists(file, dataset)) reject(path, fmt::format("no dataset '{}'", dataset), accepted);
    const hdf5::Handle bias = hdf5::open_dataset(file, dataset);
    const std::vector<std::int64_t> shape = hdf5::shape_of(bias);
    if (shape != std::vector<std::int64_t>{num_experts}) {
      reject(path, fmt::format("'{}' is shaped [{}]", dataset, fmt::join(shape, ", ")), accepted);
    }
    hdf5::read_reals(bias, format_of(path, dataset, bias), H5S_ALL, H5S_ALL, values);
  });
  std::vector<float> bias(values.begin(), values.end());
  const auto bad = std::find_if(bias.begin(), bias.end(), [](float b) { return !std::isfinite(b); });
  if (bad == bias.end()) return bias;
  reject(path,
         fmt::format("{}[expert {}] is {}", dataset, bad - bias.begin(),
                     values[static_cast<std::size_t>(bad - bias.begin())]),
         "finite numbers that float32 holds");
}

}  // namespace moeperf
