#pragma once

#include <cstdint>
#include <filesystem>

namespace moeperf {

/// Makes the file system set `bytes` aside beyond the end of the file without changing its length, so that
/// whoever writes them cannot run out of space half-way. Where it cannot set aside, looks whether they are
/// free. Throws Error when there is no room, or the process may not write files that large.
void reserve_space(const std::filesystem::path& path, std::int64_t bytes);

/// Gives back what was set aside and not used, and brings the file to disk. Throws Error.
void sync_file(const std::filesystem::path& path);

/// Brings the names in a folder to disk, on a best-effort basis: not every file system can.
void sync_folder_of(const std::filesystem::path& path);

/// Renames a file, unless there is something called `target` already: then returns false.
bool rename_if_absent(const std::filesystem::path& path, const std::filesystem::path& target);

}  // namespace moeperf
