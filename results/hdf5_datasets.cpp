#include "results/hdf5_types.hpp"

#include <algorithm>

namespace moeperf::hdf5 {
namespace {

std::string label(hid_t parent, const std::string& name) { return "dataset '" + path_of(parent, name) + "'"; }

hsize_t file_size(hid_t object, const std::string& what) {
  const Handle file(H5Iget_file_id(object), what);
  hsize_t size = 0;
  check(H5Fget_filesize(file, &size), what);
  return size;
}

/// Chunks of at most about 1 MiB, which the library's cache holds, so that writing them bit by bit is cheap. One
/// dimension is cut: the first whose rows are more than one and not too long. Its pieces are nearly of the same length,
/// since the last one is stored in full too.
std::vector<hsize_t> chunk_of(const std::vector<hsize_t>& extents, std::size_t type_size) {
  constexpr hsize_t most_bytes = hsize_t{1} << 20;
  std::vector<hsize_t> chunk = extents;
  hsize_t row_bytes = type_size;
  for (std::size_t i = 1; i < chunk.size(); ++i) row_bytes *= extents[i];
  std::size_t cut = 0;
  while (cut + 1 < chunk.size() && (extents[cut] == 1 || row_bytes > most_bytes)) {
    chunk[cut++] = 1;
    row_bytes /= extents[cut];
  }
  const hsize_t most = std::clamp<hsize_t>(most_bytes / row_bytes, 1, extents[cut]);
  const hsize_t pieces = (extents[cut] + most - 1) / most;
  chunk[cut] = (extents[cut] + pieces - 1) / pieces;
  return chunk;
}

/// Compression makes data a thousand times smaller at most (deflate: 1032), other filters no smaller.
hsize_t most_bytes(hid_t dataset, hid_t properties, const std::string& what) {
  bool compressed = false;
  for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
    unsigned flags = 0, config = 0;
    std::size_t no_values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &no_values, nullptr, 0, nullptr, &config);
    compressed = compressed || (filter != H5Z_FILTER_FLETCHER32 && filter != H5Z_FILTER_SHUFFLE);
  }
  return file_size(dataset, what) * (compressed ? 1032 : 1);
}

void check_claim(const std::vector<hsize_t>& extents, std::size_t type_size, hsize_t most_bytes,
                 const std::string& what) {
  hsize_t bytes = type_size;
  for (const hsize_t extent : extents) {
    if (extent > most_bytes || (extent > 0 && bytes > most_bytes / extent)) {
      throw Error(what + " claims more than its file holds");
    }
    bytes *= std::max<hsize_t>(1, extent);
  }
}

bool is_empty(const std::vector<hsize_t>& extents) {
  return std::find(extents.begin(), extents.end(), 0U) != extents.end();
}

}  // namespace

Handle create_dataset(hid_t parent, const std::string& name, hid_t type, const std::vector<std::int64_t>& shape,
                      Extent extent) {
  be_quiet();
  const std::string what = label(parent, name);
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  std::vector<hsize_t> most = extents, some = extents;
  if (extent == Extent::growing) {
    most.front() = H5S_UNLIMITED;
    some.front() = std::max<hsize_t>(1, some.front());
  }
  const Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), most.data()), what);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), what);
  if (!is_empty(some)) {
    const std::vector<hsize_t> chunk = chunk_of(some, H5Tget_size(type));
    check(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), what);
    check(H5Pset_fletcher32(properties), what);
  }
  return {H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), what};
}

std::int64_t stored_bytes(std::size_t type_size, const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t description = 4096, per_chunk = 64;
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  if (is_empty(extents)) return description;
  const std::vector<hsize_t> chunk = chunk_of(extents, type_size);
  std::int64_t chunks = 1, chunk_bytes = static_cast<std::int64_t>(type_size);
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    chunks *= static_cast<std::int64_t>((extents[i] + chunk[i] - 1) / chunk[i]);
    chunk_bytes *= static_cast<std::int64_t>(chunk[i]);
  }
  return description + chunks * (chunk_bytes + per_chunk);
}

void write_raw(hid_t parent, const std::string& name, hid_t type, const std::vector<std::int64_t>& shape,
               const void* data, Extent extent) {
  const Handle dataset = create_dataset(parent, name, type, shape, extent);
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), label(parent, name));
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

Handle select_box(hid_t dataset, const std::vector<hsize_t>& offset, const std::vector<hsize_t>& count) {
  Handle space(H5Dget_space(dataset), "H5Dget_space");
  check(H5Sselect_hyperslab(space, H5S_SELECT_SET, offset.data(), nullptr, count.data(), nullptr),
        "H5Sselect_hyperslab");
  return space;
}

std::vector<std::int64_t> shape_of(hid_t parent, const std::string& name) {
  return shape_of(open_dataset(parent, name));
}

std::vector<std::int64_t> shape_of(hid_t dataset) {
  const std::string what = label(dataset, "");
  const Handle space(H5Dget_space(dataset), what);
  const Handle type(H5Dget_type(dataset), what);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > 8) throw Error(what + " has an unusual number of dimensions");
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space, extents.data(), nullptr) < 0) throw Hdf5Error(what);
  const Handle properties(H5Dget_create_plist(dataset), what);
  const std::size_t type_size = std::max<std::size_t>(1, H5Tget_size(type));
  const hsize_t most = most_bytes(dataset, properties, what);
  check_claim(extents, type_size, most, what);
  if (H5Pget_layout(properties) == H5D_CHUNKED) {
    // HDF5 1.10 believes the size of a chunk and reads beyond one that is stored shorter.
    std::vector<hsize_t> chunk(extents.size());
    if (H5Pget_chunk(properties, rank, chunk.data()) < 0) throw Hdf5Error(what);
    check_claim(chunk, type_size, most, what);
  }
  return {extents.begin(), extents.end()};
}

void read_raw(hid_t parent, const std::string& name, hid_t type, void* data) {
  const std::string what = label(parent, name);
  const Handle dataset = open_dataset(parent, name);
  expect_type(Handle(H5Dget_type(dataset), what), type, what);
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), what);
}

std::vector<std::string> read_texts(hid_t parent, const std::string& name) {
  const std::string what = label(parent, name);
  std::size_t count = 1;
  for (const std::int64_t extent : shape_of(parent, name)) count *= static_cast<std::size_t>(extent);
  const Handle dataset = open_dataset(parent, name);
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
