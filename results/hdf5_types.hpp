#pragma once

#include "results/hdf5.hpp"

#include <string>

namespace moeperf::hdf5 {

/// Fixed-length UTF-8, padded with NUL; the length is at least 1, as HDF5 wants.
Handle string_type(std::size_t length);

/// The text up to the padding.
std::string unpadded(const char* data, std::size_t length);

/// Throws where `found` is not the same kind of number, of the same size, as `wanted`.
void expect_type(hid_t found, hid_t wanted, const std::string& what);
/// Throws where `found` is no fixed-length text; returns its length.
std::size_t expect_text(hid_t found, const std::string& what);

}  // namespace moeperf::hdf5
