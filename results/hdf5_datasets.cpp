#include "results/hdf5_types.hpp"

#include <algorithm>

namespace moeperf::hdf5 {
namespace {

std::string label(hid_t parent, const std::string& name) { return "dataset '" + path_of(parent, name) + "'"; }

Handle open(hid_t parent, const std::string& name) {
  be_quiet();
  return {H5Dopen2(parent, name.c_str(), H5P_DEFAULT), label(parent, name)};
}

hsize_t file_size(hid_t object, const std::string& what) {
  const Handle file(H5Iget_file_id(object), what);
  hsize_t size = 0;
  check(H5Fget_filesize(file, &size), what);
  return size;
}

/// Rows of the first dimension in one chunk: about 1 MiB, and all chunks of nearly the same length, since
/// the last one is stored in full too.
hsize_t chunk_rows(std::int64_t rows, std::int64_t row_bytes) {
  const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{1} << 20) / row_bytes, 1, rows);
  const std::int64_t chunks = (rows + most - 1) / most;
  return static_cast<hsize_t>((rows + chunks - 1) / chunks);
}

/// The dimension to cut is the first whose rows are more than one: [launch, sample, rank] has one launch.
Handle layout(const std::vector<hsize_t>& extents, std::size_t type_size, const std::string& what) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), what);
  std::vector<hsize_t> chunk = extents;
  std::size_t cut = 0;
  while (cut + 1 < chunk.size() && chunk[cut] == 1) ++cut;
  auto row_bytes = static_cast<std::int64_t>(type_size);
  for (std::size_t i = cut + 1; i < chunk.size(); ++i) row_bytes *= static_cast<std::int64_t>(chunk[i]);
  chunk[cut] = chunk_rows(static_cast<std::int64_t>(extents[cut]), row_bytes);
  check(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), what);
  check(H5Pset_fletcher32(properties), what);
  return properties;
}

}  // namespace

void write_raw(hid_t parent, const std::string& name, hid_t type, const std::vector<std::int64_t>& shape,
               const void* data) {
  be_quiet();
  const std::string what = label(parent, name);
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), what);
  const bool empty = std::find(extents.begin(), extents.end(), 0U) != extents.end();
  const Handle properties =
      empty ? Handle(H5Pcreate(H5P_DATASET_CREATE), what) : layout(extents, H5Tget_size(type), what);
  const Handle dataset(H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), what);
  if (!empty) check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), what);
}

void write_text(hid_t parent, const std::string& name, const std::string& text) { write_texts(parent, name, {text}); }

void write_texts(hid_t parent, const std::string& name, const std::vector<std::string>& texts) {
  std::size_t longest = 1;
  for (const auto& text : texts) longest = std::max(longest, text.size());
  std::string packed(longest * texts.size(), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i].copy(packed.data() + i * longest, longest);
  const Handle type = string_type(longest);
  write_raw(parent, name, type, {static_cast<std::int64_t>(texts.size())}, packed.data());
}

std::vector<std::int64_t> shape_of(hid_t parent, const std::string& name) {
  const std::string what = label(parent, name);
  const Handle dataset = open(parent, name);
  const Handle space(H5Dget_space(dataset), what);
  const Handle type(H5Dget_type(dataset), what);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > 8) throw Error(what + " has an unusual number of dimensions");
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space, extents.data(), nullptr) < 0) throw Hdf5Error(what);
  // Reports are not compressed; a copy that someone compressed is still not sixteen times smaller.
  const hsize_t most = 16 * file_size(dataset, what) / std::max<std::size_t>(1, H5Tget_size(type));
  hsize_t total = 1;
  for (const hsize_t extent : extents) {
    if (extent > most || (extent > 0 && total > most / extent)) throw Error(what + " claims more than its file holds");
    total *= std::max<hsize_t>(1, extent);
  }
  return {extents.begin(), extents.end()};
}

void read_raw(hid_t parent, const std::string& name, hid_t type, void* data) {
  const std::string what = label(parent, name);
  const Handle dataset = open(parent, name);
  expect_type(Handle(H5Dget_type(dataset), what), type, what);
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), what);
}

std::vector<std::string> read_texts(hid_t parent, const std::string& name) {
  const std::string what = label(parent, name);
  std::size_t count = 1;
  for (const std::int64_t extent : shape_of(parent, name)) count *= static_cast<std::size_t>(extent);
  const Handle dataset = open(parent, name);
  const Handle type(H5Dget_type(dataset), what);
  const std::size_t length = expect_text(type, what);
  std::string packed(length * count, '\0');
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, packed.data()), what);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back(unpadded(packed.data() + i * length, length));
  return texts;
}

std::string read_text(hid_t parent, const std::string& name) {
  const std::vector<std::string> texts = read_texts(parent, name);
  if (texts.size() != 1) throw Error(label(parent, name) + " is not one text");
  return texts.front();
}

}  // namespace moeperf::hdf5
