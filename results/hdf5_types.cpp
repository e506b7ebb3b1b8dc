#include "results/hdf5_types.hpp"

#include <algorithm>

namespace moeperf::hdf5 {

Handle string_type(std::size_t length) {
  Handle type(H5Tcopy(H5T_C_S1), "string type");
  check(H5Tset_size(type, std::max<std::size_t>(1, length)), "string type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "string type");
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), "string type");
  return type;
}

std::string unpadded(const char* data, std::size_t length) {
  return std::string(data, std::find(data, data + length, '\0'));
}

void expect_type(hid_t found, hid_t wanted, const std::string& what) {
  const bool same_class = H5Tget_class(found) == H5Tget_class(wanted);
  const bool same_sign = H5Tget_class(wanted) != H5T_INTEGER || H5Tget_sign(found) == H5Tget_sign(wanted);
  if (!same_class || !same_sign || H5Tget_size(found) != H5Tget_size(wanted)) {
    throw Error(what + " has not the type that the schema asks for");
  }
}

std::size_t expect_text(hid_t found, const std::string& what) {
  if (H5Tget_class(found) != H5T_STRING || H5Tis_variable_str(found) != 0) {
    throw Error(what + " is no fixed-length text (h5py: numpy.bytes_)");
  }
  return H5Tget_size(found);
}

std::string cut_to(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const std::string mark = " [cut]";
  std::size_t end = bytes - mark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + mark;
}

}  // namespace moeperf::hdf5
