#include "results/file_difference.hpp"

#include "results/digest.hpp"
#include "results/hdf5_raw.hpp"

#include <algorithm>
#include <iterator>

namespace moeperf {
namespace {

using Names = std::vector<std::string>;

/// Names that both have; what only one has is said of `path`.
Names common(Names names, Names others, const std::string& path, Names& found) {
  std::sort(names.begin(), names.end());
  std::sort(others.begin(), others.end());
  Names both, only;
  std::set_intersection(names.begin(), names.end(), others.begin(), others.end(), std::back_inserter(both));
  std::set_difference(names.begin(), names.end(), others.begin(), others.end(), std::back_inserter(only));
  for (const std::string& name : only) found.push_back(path + name + " does not belong there");
  only.clear();
  std::set_difference(others.begin(), others.end(), names.begin(), names.end(), std::back_inserter(only));
  for (const std::string& name : only) found.push_back(path + name + " is missing");
  return both;
}

void compare(const hdf5::Raw& raw, const hdf5::Raw& other, const std::string& path, Names& found) {
  if (raw.type != other.type || raw.shape != other.shape) {
    found.push_back(path + " has another type or shape");
  } else if (raw.bytes != other.bytes) {
    found.push_back(path + " does not follow from the rest of the file");
  }
}

void compare_attributes(hid_t object, hid_t other, const std::string& path, Names& found) {
  for (const std::string& name :
       common(hdf5::attribute_names(object), hdf5::attribute_names(other), path + "@", found)) {
    if (name == digest_attribute) continue;
    compare(hdf5::read_raw_attribute(object, name), hdf5::read_raw_attribute(other, name), path + "@" + name, found);
  }
}

void compare_groups(hid_t group, hid_t other, const std::string& path, Names& found) {
  compare_attributes(group, other, path.empty() ? "/" : path, found);
  for (const std::string& name : common(hdf5::members(group), hdf5::members(other), path + "/", found)) {
    const std::string place = path + "/" + name;
    const bool is_group = hdf5::is_group(group, name);
    if (is_group != hdf5::is_group(other, name)) {
      found.push_back(place + " is of another kind");
    } else if (is_group) {
      compare_groups(hdf5::open_group(group, name), hdf5::open_group(other, name), place, found);
    } else {
      compare(hdf5::read_raw_dataset(group, name), hdf5::read_raw_dataset(other, name), place, found);
      compare_attributes(hdf5::open_object(group, name), hdf5::open_object(other, name), place, found);
    }
  }
}

}  // namespace

std::vector<std::string> differences(hid_t file, hid_t other) {
  Names found;
  compare_groups(file, other, "", found);
  return found;
}

}  // namespace moeperf
