#pragma once

#include "results/report.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace moeperf {

/// What is wrong with a report, from the file alone, each with its place; empty: nothing. Digests are computed anew, as is
/// everything that follows from raw data (the file is written again, in `scratch`, and compared bit for bit), and what
/// must be so is checked (implausibilities). Whether the run itself was VALID is another question: its status only has
/// to be the one that follows. Throws UserError where it cannot be read at all.
std::vector<std::string> validate(const std::filesystem::path& path, const std::filesystem::path& scratch);

/// What cannot be, or contradicts itself, in a report's contents: a rate above its ceiling, samples that overlap, loads
/// that do not add up, a status that does not follow, a finished report without an end.
std::vector<std::string> implausibilities(const Report& report);

}  // namespace moeperf
