#include "results/real_elements.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace moeperf::hdf5 {
namespace {

/// Where an HDF5 floating-point type keeps its bits.
struct BitLayout {
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, fraction = 0, fraction_bits = 0, bias = 0;
  bool operator==(const BitLayout&) const = default;
};
constexpr BitLayout float16_layout{15, 10, 5, 0, 10, 15};
constexpr BitLayout bfloat16_layout{15, 7, 8, 0, 7, 127};

std::optional<RealFormat> format_of_two_bytes(hid_t type) {
  BitLayout found;
  check(H5Tget_fields(type, &found.sign, &found.exponent, &found.exponent_bits, &found.fraction, &found.fraction_bits),
        "H5Tget_fields");
  found.bias = H5Tget_ebias(type);
  if (H5Tget_norm(type) != H5T_NORM_IMPLIED) return std::nullopt;
  if (found == float16_layout) return RealFormat::float16;
  if (found == bfloat16_layout) return RealFormat::bfloat16;
  return std::nullopt;
}

/// Two bytes as they stand in the file, in the order of this machine.
Handle bits_in_memory(hid_t dataset) {
  Handle type(H5Tcopy(Handle(H5Dget_type(dataset), "H5Dget_type")), "H5Tcopy");
  check(H5Tset_order(type, H5Tget_order(H5T_NATIVE_UINT16)), "H5Tset_order");
  return type;
}

}  // namespace

std::optional<RealFormat> real_format(hid_t dataset) {
  const Handle type(H5Dget_type(dataset), "H5Dget_type");
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_class(type) == H5T_FLOAT) {
    if (size == 2) return format_of_two_bytes(type);
    if (size == 4 || size == 8) return RealFormat::native;
    return std::nullopt;
  }
  const bool two_bytes = H5Tget_class(type) == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE && size == 2;
  if (!two_bytes || !has_attribute(dataset, "dtype")) return std::nullopt;
  const std::string dtype = read_text_attribute(dataset, "dtype");
  if (dtype == "float16") return RealFormat::float16;
  if (dtype == "bfloat16") return RealFormat::bfloat16;
  return std::nullopt;
}

void read_reals(hid_t dataset, RealFormat format, hid_t in_memory, hid_t in_file, std::span<double> values) {
  const std::string what = "dataset '" + path_of(dataset, "") + "'";
  if (format == RealFormat::native) {
    check(H5Dread(dataset, H5T_NATIVE_DOUBLE, in_memory, in_file, H5P_DEFAULT, values.data()), what);
    return;
  }
  // The library's own conversion of odd floating-point types differs between its versions.
  std::vector<std::uint16_t> bits(values.size());
  check(H5Dread(dataset, bits_in_memory(dataset), in_memory, in_file, H5P_DEFAULT, bits.data()), what);
  std::transform(bits.begin(), bits.end(), values.begin(), [&](std::uint16_t word) {
    return format == RealFormat::float16 ? float16_value(word) : std::bit_cast<float>(std::uint32_t{word} << 16);
  });
}

double float16_value(std::uint16_t bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  if (exponent == 0x1f) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

}  // namespace moeperf::hdf5
