#pragma once

namespace moeperf {

/// Brings to its place what was printed, and returns `status`; where text was lost (a full disk, a closed pipe) says so
/// on stderr and returns exit_failure. To be called once, when nothing more is printed.
int checked_output(int status);

}  // namespace moeperf
