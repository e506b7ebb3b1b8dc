#pragma once

#include "results/hdf5.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// HDF5 as other programs write it: in the library's oldest format, with element types and texts that are not ours.
namespace moeperf::test {

inline hdf5::Handle create_foreign_file(const std::filesystem::path& path) {
  hdf5::be_quiet();
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "file"};
}

/// A dataset of `file_type` from the numbers of `data`, of `memory_type`.
template <class T>
void write_as(hid_t file, const std::string& name, hid_t file_type, hid_t memory_type,
              const std::vector<std::int64_t>& shape, const std::vector<T>& data) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const hdf5::Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), name);
  const hdf5::Handle dataset(H5Dcreate2(file, name.c_str(), file_type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                             name);
  if (!data.empty()) hdf5::check(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()), name);
}

/// A text of variable length, as h5py writes a str.
inline void write_variable_text(hid_t object, const std::string& name, const std::string& text) {
  const hdf5::Handle type(H5Tcopy(H5T_C_S1), name);
  hdf5::check(H5Tset_size(type, H5T_VARIABLE), name);
  const hdf5::Handle space(H5Screate(H5S_SCALAR), name);
  const hdf5::Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), name);
  const char* data = text.c_str();
  hdf5::check(H5Awrite(attribute, type, &data), name);
}

/// A 16-bit floating-point type of HDF5, little-endian unless `order` says otherwise.
inline hdf5::Handle two_byte_float(std::size_t exponent_bits, std::size_t fraction_bits, std::size_t bias,
                                   H5T_order_t order = H5T_ORDER_LE) {
  hdf5::Handle type(H5Tcopy(H5T_IEEE_F32LE), "type");
  hdf5::check(H5Tset_fields(type, 15, fraction_bits, exponent_bits, 0, fraction_bits), "fields");
  hdf5::check(H5Tset_size(type, 2), "size");
  hdf5::check(H5Tset_ebias(type, bias), "bias");
  hdf5::check(H5Tset_order(type, order), "order");
  return type;
}

}  // namespace moeperf::test
