#pragma once

#include "results/hdf5.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace moeperf::hdf5 {

/// How the elements of a dataset stand for real numbers: as the library converts them, or in 16 bits.
enum class RealFormat : std::uint8_t { native, float16, bfloat16 };

/// What real_format() knows, for messages.
constexpr const char* real_formats =
    "float16, bfloat16, float32 or float64, or uint16 whose attribute dtype is bfloat16 or float16";

/// float32 and float64; IEEE binary16 and bfloat16, either as a floating-point type of HDF5 with that layout or as
/// uint16 with the text attribute `dtype`; nothing for any other type.
std::optional<RealFormat> real_format(hid_t dataset);

/// A selection of a dataset of that format, exactly. `in_memory` counts as many elements as `values`.
void read_reals(hid_t dataset, RealFormat format, hid_t in_memory, hid_t in_file, std::span<double> values);

/// The number that the bits of an IEEE binary16 stand for.
double float16_value(std::uint16_t bits);

}  // namespace moeperf::hdf5
