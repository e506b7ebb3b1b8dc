#pragma once

#include "kernels/base/error.hpp"

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// The few HDF5 calls that the suite needs, each as one function that throws instead of returning a status.
// Values read are never trusted: type, shape and size are checked before anything is allocated.
namespace moeperf::hdf5 {

/// A failed HDF5 call: on what, and the library's own explanation.
class Hdf5Error : public Error {
 public:
  explicit Hdf5Error(const std::string& what);
};

/// Owning, move-only HDF5 identifier of any kind.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, const std::string& what);  ///< throws Hdf5Error when id is negative
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)

 private:
  hid_t id_ = -1;
};

/// Turns off the library's own printing of errors; every function here calls it.
void be_quiet();
void check(herr_t status, const std::string& what);

/// Files in the format of HDF5 1.10, whatever the library: every later one reads it, and unlike the formats before
/// it has checksums on all of a file's structure, so that damage is an error and not a crash. Unlocked: whoever
/// shares them renames whole files, and locks fail on file systems without them. An existing file is emptied.
Handle create_file(const std::string& path);
Handle open_file(const std::string& path, bool writable);
/// Writes everything out and closes; the destructor would do so too, but could not report a failure.
void close_file(Handle file);

Handle create_group(hid_t parent, const std::string& name);
/// Only what is a member of `parent` and of nothing else.
Handle open_group(hid_t parent, const std::string& name);
Handle open_dataset(hid_t parent, const std::string& name);
/// A group or a dataset.
Handle open_object(hid_t parent, const std::string& name);
bool exists(hid_t parent, const std::string& name);
/// Names of a group's members, in alphabetical order.
std::vector<std::string> members(hid_t group);
/// "/cases/x/name", for messages.
std::string path_of(hid_t parent, const std::string& name);

/// The HDF5 type of a C++ number.
hid_t type_of(const double&);
hid_t type_of(const float&);
hid_t type_of(const std::int64_t&);
hid_t type_of(const std::uint64_t&);
hid_t type_of(const std::int32_t&);

/// Texts are fixed-length UTF-8; others are refused: HDF5 1.10 crashes over a damaged text of variable length. An
/// attribute holds at most 64 KiB, so longer texts are cut at max_text_attribute.
constexpr std::size_t max_text_attribute = 32768;
/// `text` or, where it is longer, its beginning and " [cut]", at most `bytes` in all, no character split.
std::string cut_to(const std::string& text, std::size_t bytes);

/// Attributes; an existing one of this name is replaced.
void write_attribute(hid_t object, const std::string& name, const std::string& text);
void write_attribute(hid_t object, const std::string& name, double value);
void write_attribute(hid_t object, const std::string& name, std::int64_t value);
void write_attribute(hid_t object, const std::string& name, std::uint64_t value);
std::string read_text_attribute(hid_t object, const std::string& name);
double read_real_attribute(hid_t object, const std::string& name);
std::int64_t read_integer_attribute(hid_t object, const std::string& name);
std::uint64_t read_unsigned_attribute(hid_t object, const std::string& name);
/// As other programs write it: an integer of any size.
std::int64_t read_any_integer_attribute(hid_t object, const std::string& name);
bool has_attribute(hid_t object, const std::string& name);
std::vector<std::string> attribute_names(hid_t object);

/// Whether a dataset may get longer in its first dimension.
enum class Extent : std::uint8_t { fixed, growing };

/// Creates a chunked dataset with checksums (fletcher32); an empty one of fixed extent is contiguous.
Handle create_dataset(hid_t parent, const std::string& name, hid_t type, const std::vector<std::int64_t>& shape,
                      Extent extent = Extent::fixed);
/// What such a dataset takes in the file, at most.
std::int64_t stored_bytes(std::size_t type_size, const std::vector<std::int64_t>& shape);
/// Creates it and writes it whole.
void write_raw(hid_t parent, const std::string& name, hid_t type, const std::vector<std::int64_t>& shape,
               const void* data, Extent extent = Extent::fixed);
template <class T>
void write_dataset(hid_t parent, const std::string& name, const std::vector<std::int64_t>& shape,
                   const std::vector<T>& data, Extent extent = Extent::fixed) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  if (count != static_cast<std::int64_t>(data.size())) {
    throw Error("dataset '" + name + "' has " + std::to_string(data.size()) + " values for a shape of " +
                std::to_string(count));
  }
  write_raw(parent, name, type_of(T{}), shape, data.data(), extent);
}
/// One text (shape [1]), or a column of texts.
void write_text(hid_t parent, const std::string& name, const std::string& text);
void write_texts(hid_t parent, const std::string& name, const std::vector<std::string>& texts);

/// The part of a dataset's space from `offset` on.
Handle select_box(hid_t dataset, const std::vector<hsize_t>& offset, const std::vector<hsize_t>& count);

/// Shape of a dataset. Throws for one that claims more bytes than its file could hold.
std::vector<std::int64_t> shape_of(hid_t parent, const std::string& name);
std::vector<std::int64_t> shape_of(hid_t dataset);
/// Throws where the dataset's type is not `type` (byte order aside). `data` has room for all of shape_of().
void read_raw(hid_t parent, const std::string& name, hid_t type, void* data);
template <class T>
std::vector<T> read_dataset(hid_t parent, const std::string& name) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape_of(parent, name)) count *= extent;
  std::vector<T> data(static_cast<std::size_t>(count));
  read_raw(parent, name, type_of(T{}), data.data());
  return data;
}
std::string read_text(hid_t parent, const std::string& name);
std::vector<std::string> read_texts(hid_t parent, const std::string& name);

}  // namespace moeperf::hdf5
