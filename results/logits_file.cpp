#include "results/logits_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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
  hdf5::be_quiet();
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored)) throw UserError(path_.string() + ": no such file");
  if (H5Fis_hdf5(path_.c_str()) <= 0) reject(path_, "not a readable HDF5 file");
  file_ = hdf5::open_file(path_.string(), false);
  if (!hdf5::exists(file_, "logits")) reject(path_, "no dataset 'logits'");
  hid_t dataset = H5Dopen2(file_, "logits", H5P_DEFAULT);
  if (dataset < 0) reject(path_, "'logits' is no dataset");
  dataset_ = hdf5::Handle(dataset, "opening logits");

  const hdf5::Handle type(H5Dget_type(dataset_), "H5Dget_type");
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_class(type) != H5T_FLOAT || (size != 4 && size != 8))
    reject(path_, "the elements of 'logits' are of another type");
  const hdf5::Handle space(H5Dget_space(dataset_), "H5Dget_space");
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank != 2 && rank != 3) reject(path_, fmt::format("'logits' has {} dimensions", std::max(rank, 0)));
  hsize_t extent[3] = {1, 1, 1};
  hdf5::check(H5Sget_simple_extent_dims(space, extent + (3 - rank), nullptr), "H5Sget_simple_extent_dims");
  has_steps_ = rank == 3;
  if (extent[0] == 0 || extent[1] == 0 || extent[2] == 0) {
    reject(path_, fmt::format("'logits' is empty ({} steps, {} tokens, {} experts)", extent[0], extent[1], extent[2]));
  }
  if (extent[2] > (hsize_t{1} << 30)) reject(path_, fmt::format("'logits' claims {} experts", extent[2]));
  shape_ = {static_cast<std::int64_t>(extent[0]), static_cast<std::int64_t>(extent[1]),
            static_cast<std::int64_t>(extent[2])};
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
  hdf5::check(H5Dread(dataset_, H5T_NATIVE_DOUBLE, in_memory, in_file, H5P_DEFAULT, logits.data()),
              path_.string() + ": reading 'logits'");
  const auto bad = std::find_if(logits.begin(), logits.end(), [](double z) { return !std::isfinite(z); });
  if (bad == logits.end()) return;
  const auto place = bad - logits.begin();
  throw UserError(fmt::format("{}: logits[step {}, token {}, expert {}] is {}; accepted: finite numbers",
                              path_.string(), step, first_token + place / shape_.num_experts,
                              place % shape_.num_experts, *bad));
}

}  // namespace moeperf
