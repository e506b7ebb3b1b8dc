#pragma once

#include "results/hdf5.hpp"

#include <string>

namespace moeperf {

/// The attribute that holds the digest of its group.
inline constexpr const char* digest_attribute = "digest";

/// Of everything in a group but digests, as 16 hexadecimal digits: FNV-1a (64 bits) over names, types, shapes and bytes,
/// in the order that SCHEMA.md gives. It shows that a file was edited or damaged; who wants to deceive can make a new
/// one.
std::string digest_of(hid_t group);

/// Writes it into the group.
void write_digest(hid_t group);

}  // namespace moeperf
