#pragma once

#include "results/hdf5.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moeperf::hdf5 {

/// An attribute or a dataset as it is: "float:8", "int:8", "uint:8" or "text:<length>", its shape (empty: one value),
/// its values in little-endian order, texts with the NULs that fill them up.
struct Raw {
  std::string type;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  bool operator==(const Raw&) const = default;
};

// Throw Error for other types, of which nothing is read.
Raw read_raw_attribute(hid_t object, const std::string& name);
Raw read_raw_dataset(hid_t parent, const std::string& name);

bool is_group(hid_t parent, const std::string& name);

}  // namespace moeperf::hdf5
