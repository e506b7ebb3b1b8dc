#include "results/logits_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <system_error>

namespace moeperf {
namespace {

constexpr const char* expected =
    "a dataset 'logits' of float32 or float64, shaped [tokens, experts] or [steps, tokens, experts]";

/// Bytes of a chunk at most: small enough for the chunk cache, so that partial writes stay cheap.
constexpr hsize_t max_chunk_bytes = hsize_t{1} << 20;

[[noreturn]] void reject(const std::filesystem::path& path, const std::string& what) {
  throw UserError(fmt::format("{}: {}; accepted: {}", path.string(), what, expected));
}

/// Selects a box of a dataset's space.
hdf5::Handle box(hid_t dataset, const std::vector<hsize_t>& offset, const std::vector<hsize_t>& count) {
  hdf5::Handle space(H5Dget_space(dataset), "H5Dget_space");
  hdf5::check(H5Sselect_hyperslab(space, H5S_SELECT_SET, offset.data(), nullptr, count.data(), nullptr),
              "H5Sselect_hyperslab");
  return space;
}

void write_box(hid_t dataset, hid_t type, const std::vector<hsize_t>& offset, const std::vector<hsize_t>& count,
               const void* data) {
  const hdf5::Handle in_file = box(dataset, offset, count);
  const hdf5::Handle in_memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                               "H5Screate_simple");
  hdf5::check(H5Dwrite(dataset, type, in_memory, in_file, H5P_DEFAULT, data), "writing the routing");
}

hsize_t last_extent(hid_t dataset) {
  const hdf5::Handle space(H5Dget_space(dataset), "H5Dget_space");
  hsize_t extent[3] = {};
  hdf5::check(H5Sget_simple_extent_dims(space, extent, nullptr), "H5Sget_simple_extent_dims");
  return extent[2];
}

template <class T>
void write_rows(hid_t dataset, std::int64_t step, std::int64_t first_token, std::span<const T> rows) {
  if (rows.empty()) return;
  const hsize_t length = last_extent(dataset);
  write_box(dataset, hdf5::type_of(T{}), {static_cast<hsize_t>(step), static_cast<hsize_t>(first_token), 0},
            {1, rows.size() / length, length}, rows.data());
}

template <class T>
void write_step(hid_t dataset, std::int64_t step, std::span<const T> values) {
  write_box(dataset, hdf5::type_of(T{}), {static_cast<hsize_t>(step), 0}, {1, values.size()}, values.data());
}

void write_number(hid_t dataset, std::int64_t step, double value) {
  write_box(dataset, H5T_NATIVE_DOUBLE, {static_cast<hsize_t>(step)}, {1}, &value);
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
  const hdf5::Handle in_file = box(dataset_, offset, count);
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

RoutingWriter::RoutingWriter(std::filesystem::path path, bool force, const LogitsShape& shape, std::int32_t top_k,
                             bool with_aux_loss, const std::vector<Attribute>& attributes)
    : path_(std::move(path)), part_(path_.string() + ".part"), with_aux_loss_(with_aux_loss) {
  hdf5::be_quiet();
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw UserError(fmt::format("{}: the folder {} does not exist", path_.string(), folder.string()));
  }
  if (std::filesystem::is_directory(path_, ignored)) throw UserError(path_.string() + ": is a folder");
  if (!force && std::filesystem::exists(path_, ignored)) {
    throw UserError(path_.string() + ": exists; give another name, or --force to replace it");
  }
  try {
    file_ = hdf5::create_file(part_.string());
  } catch (const hdf5::Hdf5Error& error) {
    throw UserError(fmt::format("{}: cannot be written: {}", path_.string(), error.what()));
  }
  for (const auto& [name, value] : attributes) {
    std::visit([&](const auto& v) { hdf5::write_attribute(file_, name, v); }, value);
  }
  const auto steps = static_cast<hsize_t>(shape.num_steps);
  const auto tokens = static_cast<hsize_t>(shape.num_tokens);
  const auto experts = static_cast<hsize_t>(shape.num_experts);
  const auto k = static_cast<hsize_t>(top_k);
  indices_ = create("indices", H5T_STD_I32LE, {steps, tokens, k});
  weights_ = create("weights", H5T_IEEE_F32LE, {steps, tokens, k});
  tokens_per_expert_ = create("tokens_per_expert", H5T_STD_I64LE, {steps, experts});
  dropped_per_expert_ = create("dropped_per_expert", H5T_STD_I64LE, {steps, experts});
  bias_ = create("bias", H5T_IEEE_F32LE, {steps, experts});
  maxvio_ = create("maxvio", H5T_IEEE_F64LE, {steps});
  if (!with_aux_loss_) return;
  aux_loss_ = create("aux_loss", H5T_IEEE_F64LE, {steps});
  aux_grad_ = create("aux_grad", H5T_IEEE_F64LE, {steps, tokens, experts});
}

RoutingWriter::~RoutingWriter() {
  if (part_.empty()) return;
  for (hdf5::Handle* handle : {&indices_, &weights_, &tokens_per_expert_, &dropped_per_expert_, &bias_, &maxvio_,
                               &aux_loss_, &aux_grad_, &file_}) {
    hdf5::Handle closing = std::move(*handle);
  }
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
}

hdf5::Handle RoutingWriter::create(const char* name, hid_t type, const std::vector<hsize_t>& extent) {
  // One step to a chunk, and of its tokens as many as fit; numbers of one per step share a chunk.
  std::vector<hsize_t> chunk = extent;
  if (extent.size() == 1) {
    chunk[0] = std::min<hsize_t>(extent[0], 1024);
  } else {
    chunk[0] = 1;
    const hsize_t row_bytes = H5Tget_size(type) * extent.back();
    if (extent.size() == 3) chunk[1] = std::clamp<hsize_t>(max_chunk_bytes / row_bytes, 1, extent[1]);
  }
  const hdf5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate");
  hdf5::check(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), "H5Pset_chunk");
  hdf5::check(H5Pset_fletcher32(properties), "H5Pset_fletcher32");
  const hdf5::Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                           "H5Screate_simple");
  return {H5Dcreate2(file_, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT), name};
}

void RoutingWriter::write_indices(std::int64_t step, std::int64_t first_token, std::span<const std::int32_t> indices) {
  write_rows(indices_, step, first_token, indices);
}

void RoutingWriter::write_weights(std::int64_t step, std::int64_t first_token, std::span<const float> weights) {
  write_rows(weights_, step, first_token, weights);
}

void RoutingWriter::write_gradient(std::int64_t step, std::int64_t first_token, std::span<const double> gradient) {
  write_rows(aux_grad_, step, first_token, gradient);
}

void RoutingWriter::write_summary(std::int64_t step, const StepSummary& summary) {
  write_step(tokens_per_expert_, step, summary.tokens_per_expert);
  write_step(dropped_per_expert_, step, summary.dropped_per_expert);
  write_step(bias_, step, summary.bias);
  write_number(maxvio_, step, summary.maxvio);
  if (with_aux_loss_) write_number(aux_loss_, step, summary.aux_loss);
}

void RoutingWriter::finish() {
  for (hdf5::Handle* handle :
       {&indices_, &weights_, &tokens_per_expert_, &dropped_per_expert_, &bias_, &maxvio_, &aux_loss_, &aux_grad_}) {
    hdf5::Handle closing = std::move(*handle);
  }
  hdf5::check(H5Fflush(file_, H5F_SCOPE_GLOBAL), "H5Fflush");
  { hdf5::Handle closing = std::move(file_); }
  std::error_code failure;
  std::filesystem::rename(part_, path_, failure);
  if (failure) throw Error(fmt::format("renaming {} to {}: {}", part_.string(), path_.string(), failure.message()));
  part_.clear();
}

}  // namespace moeperf
