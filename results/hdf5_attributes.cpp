#include "results/hdf5_types.hpp"

#include <algorithm>

namespace moeperf::hdf5 {
namespace {

std::string label(hid_t object, const std::string& name) {
  return "attribute '" + name + "' of '" + path_of(object, "") + "'";
}

void write(hid_t object, const std::string& name, hid_t type, const void* value) {
  be_quiet();
  if (has_attribute(object, name)) check(H5Adelete(object, name.c_str()), label(object, name));
  const Handle space(H5Screate(H5S_SCALAR), label(object, name));
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), label(object, name));
  check(H5Awrite(attribute, type, value), label(object, name));
}

struct Opened {
  Handle attribute, type;
};

Opened open(hid_t object, const std::string& name) {
  be_quiet();
  Opened opened;
  opened.attribute = Handle(H5Aopen(object, name.c_str(), H5P_DEFAULT), label(object, name));
  opened.type = Handle(H5Aget_type(opened.attribute), label(object, name));
  const Handle space(H5Aget_space(opened.attribute), label(object, name));
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error(label(object, name) + " is not one value");
  return opened;
}

template <class T>
T read_number(hid_t object, const std::string& name) {
  const auto [attribute, type] = open(object, name);
  T value{};
  expect_type(type, type_of(value), label(object, name));
  check(H5Aread(attribute, type_of(value), &value), label(object, name));
  return value;
}

herr_t add_name(hid_t, const char* name, const H5A_info_t*, void* list) noexcept try {
  static_cast<std::vector<std::string>*>(list)->emplace_back(name);
  return 0;
} catch (...) {
  return -1;
}

}  // namespace

void write_attribute(hid_t object, const std::string& name, const std::string& text) {
  std::string cut = cut_to(text, max_text_attribute);
  const Handle type = string_type(cut.size());
  if (cut.empty()) cut.push_back('\0');
  write(object, name, type, cut.data());
}

void write_attribute(hid_t object, const std::string& name, double value) {
  write(object, name, type_of(value), &value);
}
void write_attribute(hid_t object, const std::string& name, std::int64_t value) {
  write(object, name, type_of(value), &value);
}
void write_attribute(hid_t object, const std::string& name, std::uint64_t value) {
  write(object, name, type_of(value), &value);
}

std::string read_text_attribute(hid_t object, const std::string& name) {
  const auto [attribute, type] = open(object, name);
  const std::size_t length = expect_text(type, label(object, name));
  if (length > std::size_t{1} << 20) throw Error(label(object, name) + " is too long");
  std::string text(length, '\0');
  check(H5Aread(attribute, type, text.data()), label(object, name));
  return unpadded(text.data(), length);
}

double read_real_attribute(hid_t object, const std::string& name) { return read_number<double>(object, name); }
std::int64_t read_integer_attribute(hid_t object, const std::string& name) {
  return read_number<std::int64_t>(object, name);
}
std::uint64_t read_unsigned_attribute(hid_t object, const std::string& name) {
  return read_number<std::uint64_t>(object, name);
}

std::int64_t read_any_integer_attribute(hid_t object, const std::string& name) {
  const auto [attribute, type] = open(object, name);
  if (H5Tget_class(type) != H5T_INTEGER) throw Error(label(object, name) + " is no integer");
  std::int64_t value = 0;
  check(H5Aread(attribute, H5T_NATIVE_INT64, &value), label(object, name));
  return value;
}

bool has_attribute(hid_t object, const std::string& name) {
  be_quiet();
  return H5Aexists(object, name.c_str()) > 0;
}

std::vector<std::string> attribute_names(hid_t object) {
  be_quiet();
  std::vector<std::string> names;
  hsize_t start = 0;
  check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &start, add_name, &names),
        "attributes of '" + path_of(object, "") + "'");
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace moeperf::hdf5
