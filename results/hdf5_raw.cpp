#include "results/hdf5_raw.hpp"

#include <fmt/format.h>

namespace moeperf::hdf5 {
namespace {

/// The type in memory: the file's, little-endian. Sets `name`.
Handle memory_type(hid_t in_file, const std::string& what, std::string& name) {
  const H5T_class_t type_class = H5Tget_class(in_file);
  const std::size_t size = H5Tget_size(in_file);
  const bool is_text = type_class == H5T_STRING && H5Tis_variable_str(in_file) == 0;
  if (!is_text && type_class != H5T_FLOAT && type_class != H5T_INTEGER)
    throw Error("'" + what + "' is of a type that no report has");
  const char* kind = is_text ? "text" : type_class == H5T_FLOAT ? "float" : "int";
  if (type_class == H5T_INTEGER && H5Tget_sign(in_file) == H5T_SGN_NONE) kind = "uint";
  name = fmt::format("{}:{}", kind, size);
  Handle type(H5Tcopy(in_file), "type of '" + what + "'");
  if (!is_text) check(H5Tset_order(type, H5T_ORDER_LE), "byte order of '" + what + "'");
  return type;
}

}  // namespace

Raw read_raw_attribute(hid_t object, const std::string& name) {
  be_quiet();
  const std::string what = path_of(object, "") + "@" + name;
  const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), "attribute '" + what + "'");
  const Handle space(H5Aget_space(attribute), "space of '" + what + "'");
  if (H5Sget_simple_extent_type(space) != H5S_SCALAR) throw Error("'" + what + "' is not one value");
  const Handle in_file(H5Aget_type(attribute), "type of '" + what + "'");
  Raw raw;
  const Handle type = memory_type(in_file, what, raw.type);
  raw.bytes.resize(H5Tget_size(type));
  check(H5Aread(attribute, type, raw.bytes.data()), "attribute '" + what + "'");
  return raw;
}

Raw read_raw_dataset(hid_t parent, const std::string& name) {
  const std::string what = path_of(parent, name);
  const Handle dataset = open_dataset(parent, name);
  const Handle in_file(H5Dget_type(dataset), "type of '" + what + "'");
  Raw raw;
  const Handle type = memory_type(in_file, what, raw.type);
  raw.shape = shape_of(dataset);
  std::size_t count = 1;
  for (const std::int64_t extent : raw.shape) count *= static_cast<std::size_t>(extent);
  raw.bytes.resize(count * H5Tget_size(type));
  if (count > 0) check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.bytes.data()), "'" + what + "'");
  return raw;
}

bool is_group(hid_t parent, const std::string& name) { return H5Iget_type(open_object(parent, name)) == H5I_GROUP; }

}  // namespace moeperf::hdf5
