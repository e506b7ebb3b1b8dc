#include "results/hdf5.hpp"

#include <algorithm>

namespace moeperf::hdf5 {
namespace {

// Exceptions must not pass through the library: what a callback cannot store is left out.
herr_t collect(unsigned, const H5E_error2_t* error, void* text) noexcept try {
  auto& out = *static_cast<std::string*>(text);
  if (error->desc != nullptr && *error->desc != '\0') out += (out.empty() ? "" : "; ") + std::string(error->desc);
  return 0;
} catch (...) {
  return 0;
}

std::string error_stack() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &text);
  H5Eclear2(H5E_DEFAULT);
  return text;
}

#if H5_VERSION_GE(1, 10, 2)
constexpr H5F_libver_t file_format = H5F_LIBVER_V110;
#else
constexpr H5F_libver_t file_format = H5F_LIBVER_LATEST;  // the same, before it had a name
#endif

Handle file_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), "file access");
  check(H5Pset_libver_bounds(access, file_format, file_format), "file access");
  // A file that could not be closed with an object left open would stay open for ever.
  check(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "file access");
#if (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0)) || H5_VERSION_GE(1, 12, 1)
  check(H5Pset_file_locking(access, false, true), "file access");
#endif
  return access;
}

}  // namespace

Hdf5Error::Hdf5Error(const std::string& what) : Error("HDF5: " + what + ": " + error_stack()) {}

Handle::Handle(hid_t id, const std::string& what) : id_(id) {
  if (id < 0) throw Hdf5Error(what);
}

Handle::~Handle() {
  if (id_ >= 0 && H5Iis_valid(id_) > 0) H5Idec_ref(id_);
}

void be_quiet() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

void check(herr_t status, const std::string& what) {
  if (status < 0) throw Hdf5Error(what);
}

Handle create_file(const std::string& path) {
  be_quiet();
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, file_access()), "cannot create '" + path + "'"};
}

Handle open_file(const std::string& path, bool writable) {
  be_quiet();
  return {H5Fopen(path.c_str(), writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, file_access()), "cannot open '" + path + "'"};
}

void close_file(Handle file) {
  be_quiet();
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), "cannot write the file");
  check(H5Fclose(file), "cannot close the file");
}

Handle create_group(hid_t parent, const std::string& name) {
  be_quiet();
  return {H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
          "cannot create group '" + path_of(parent, name) + "'"};
}

Handle open_group(hid_t parent, const std::string& name) {
  be_quiet();
  return {H5Gopen2(parent, name.c_str(), H5P_DEFAULT), "group '" + path_of(parent, name) + "'"};
}

Handle open_object(hid_t parent, const std::string& name) {
  be_quiet();
  return {H5Oopen(parent, name.c_str(), H5P_DEFAULT), "'" + path_of(parent, name) + "'"};
}

bool exists(hid_t parent, const std::string& name) {
  be_quiet();
  return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> members(hid_t group) {
  be_quiet();
  std::vector<std::string> names;
  const std::string what = "members of '" + path_of(group, "") + "'";
  H5G_info_t info;
  check(H5Gget_info(group, &info), what);
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
    if (length < 0 || length > 65536) throw Hdf5Error(what);
    std::string name(static_cast<std::size_t>(length) + 1, '\0');
    if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT) < 0) {
      throw Hdf5Error(what);
    }
    name.pop_back();
    names.push_back(std::move(name));
  }
  return names;
}

std::string path_of(hid_t parent, const std::string& name) {
  std::string path(1024, '\0');
  const ssize_t length = H5Iget_name(parent, path.data(), path.size());
  path.resize(length > 0 ? std::min(static_cast<std::size_t>(length), path.size() - 1) : 0);
  if (path == "/" && !name.empty()) path.clear();
  return name.empty() ? path : path + "/" + name;
}

hid_t type_of(const double&) { return H5T_NATIVE_DOUBLE; }
hid_t type_of(const float&) { return H5T_NATIVE_FLOAT; }
hid_t type_of(const std::int64_t&) { return H5T_NATIVE_INT64; }
hid_t type_of(const std::uint64_t&) { return H5T_NATIVE_UINT64; }
hid_t type_of(const std::int32_t&) { return H5T_NATIVE_INT32; }

}  // namespace moeperf::hdf5
