#include "results/hdf5.hpp"

#include <algorithm>

namespace moeperf::hdf5 {
namespace {

// Exceptions must not pass through the library: what a callback cannot store is left out. The last entry is the
// deepest and says what is wrong; those above it only say what could therefore not be done.
herr_t keep(unsigned, const H5E_error2_t* error, void* text) noexcept try {
  if (error->desc != nullptr && *error->desc != '\0') *static_cast<std::string*>(text) = error->desc;
  return 0;
} catch (...) {
  return 0;
}

std::string deepest_error() {
  std::string text = "unknown error";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep, &text);
  H5Eclear2(H5E_DEFAULT);
  // All that HDF5 1.14 tells of a checksum that does not fit.
  if (text == "filter returned failure during read")
    text = "the data are damaged: their checksum or another filter failed";
  return text;
}

herr_t add_name(hid_t, const char* name, const H5L_info_t*, void* list) noexcept try {
  static_cast<std::vector<std::string>*>(list)->emplace_back(name);
  return 0;
} catch (...) {
  return -1;
}

unsigned links_to(hid_t object, const std::string& what) {
  H5O_info_t info;
#if H5_VERSION_GE(1, 12, 0)
  check(H5Oget_info(object, &info, H5O_INFO_BASIC), what);
#else
  check(H5Oget_info(object, &info), what);
#endif
  return info.rc;
}

/// Opens what belongs to this place alone: links to elsewhere, other files or a group above would let a small
/// file stand for any amount of data.
Handle open_own(hid_t parent, const std::string& name, hid_t (*open)(hid_t, const char*, hid_t)) {
  be_quiet();
  const std::string what = "'" + path_of(parent, name) + "'";
  H5L_info_t link;
  check(H5Lget_info(parent, name.c_str(), &link, H5P_DEFAULT), what);
  if (link.type != H5L_TYPE_HARD) throw Error(what + " is a link to another place");
  Handle object(open(parent, name.c_str(), H5P_DEFAULT), what);
  if (links_to(object, what) != 1) throw Error(what + " is in the file under another name too");
  return object;
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

Hdf5Error::Hdf5Error(const std::string& what) : Error("HDF5: " + what + ": " + deepest_error()) {}

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

Handle open_group(hid_t parent, const std::string& name) { return open_own(parent, name, H5Gopen2); }

Handle open_dataset(hid_t parent, const std::string& name) { return open_own(parent, name, H5Dopen2); }

Handle open_object(hid_t parent, const std::string& name) { return open_own(parent, name, H5Oopen); }

bool exists(hid_t parent, const std::string& name) {
  be_quiet();
  return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> members(hid_t group) {
  be_quiet();
  std::vector<std::string> names;
  const std::string what = "members of '" + path_of(group, "") + "'";
  // In the order of the file: for any other, HDF5 1.10 makes a table that it frees wrongly when it meets damage.
  check(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, add_name, &names), what);
  std::sort(names.begin(), names.end());
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
