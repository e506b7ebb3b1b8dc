#pragma once

#include <map>
#include <string>
#include <string_view>

namespace moeperf {

/// Whether an environment variable of this name may change a measurement or tells what job this is: settings
/// of the libraries below us and of the loader, and Slurm's facts of the job. What a launcher tells a single
/// process (its rank, sockets, temporary folders) is neither.
bool is_launch_variable(std::string_view name);

/// Those of this process, name → value.
std::map<std::string, std::string> launch_variables();

}  // namespace moeperf
