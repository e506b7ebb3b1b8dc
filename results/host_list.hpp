#pragma once

#include <string>
#include <vector>

namespace moeperf {

/// Names that differ in one number only as one item, as Slurm writes them: "node[001-003,007]", "login". Each name
/// once; items in the order of their first name.
std::vector<std::string> compressed(const std::vector<std::string>& names);

}  // namespace moeperf
