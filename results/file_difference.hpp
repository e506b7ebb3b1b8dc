#pragma once

#include "results/hdf5.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// The paths of what is not the same, bit for bit, in two files: attributes ("/cases/x@order"), datasets, and members that
/// only one of them has, with what is wrong. Digests are left out.
std::vector<std::string> differences(hid_t file, hid_t other);

}  // namespace moeperf
