#pragma once

#include "comm/mpi/communicator.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace moeperf {

/// Folder with the standard workloads: $MOEPERF_WORKLOADS, else ../share/moeperf/workloads beside the binary.
std::filesystem::path workloads_folder();

/// Names of the standard workloads, sorted.
std::vector<std::string> workload_names();

/// A workload's file: a path that ends in .toml or names a file, else a standard name. Throws UserError with
/// the known names.
std::filesystem::path workload_path(const std::string& name_or_path);

/// The text of a file, read by rank 0 for all. Collective; throws UserError on every rank.
std::string read_for_all(const Communicator& comm, const std::filesystem::path& path);

}  // namespace moeperf
