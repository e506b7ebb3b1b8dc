#pragma once

#include "results/report.hpp"

#include <filesystem>

namespace moeperf {

/// Reads a whole report. Throws UserError for a missing file, a file that is no report (with what is
/// missing or malformed, and where), or a newer schema version. Never crashes on a damaged file.
Report read_report(const std::filesystem::path& path);

}  // namespace moeperf
