#include "results/digest.hpp"

#include "results/hdf5_raw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace moeperf {
namespace {

class Fnv1a {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) hash_ = (hash_ ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  }
  /// With the NUL that ends it.
  void add(const std::string& text) { add(std::as_bytes(std::span(text.c_str(), text.size() + 1))); }
  std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

void add(Fnv1a& hash, const std::string& name, const hdf5::Raw& raw) {
  hash.add(name);
  hash.add(raw.type);
  for (const std::int64_t extent : raw.shape) hash.add(std::to_string(extent));
  hash.add(raw.bytes);
}

void add_attributes(Fnv1a& hash, hid_t object) {
  std::vector<std::string> names = hdf5::attribute_names(object);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name != digest_attribute) add(hash, "@" + name, hdf5::read_raw_attribute(object, name));
  }
}

void add_group(Fnv1a& hash, hid_t group) {
  add_attributes(hash, group);
  for (const std::string& name : hdf5::members(group)) {
    if (hdf5::is_group(group, name)) {
      hash.add(name + "/");
      add_group(hash, hdf5::open_group(group, name));
    } else {
      add(hash, name, hdf5::read_raw_dataset(group, name));
      add_attributes(hash, hdf5::open_object(group, name));
    }
  }
}

}  // namespace

std::string digest_of(hid_t group) {
  Fnv1a hash;
  add_group(hash, group);
  return hash.text();
}

void write_digest(hid_t group) { hdf5::write_attribute(group, digest_attribute, digest_of(group)); }

}  // namespace moeperf
