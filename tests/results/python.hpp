#pragma once

#include <string>

namespace moeperf::test {

/// The command of a Python that can import h5py; empty, with a warning: there is none.
std::string python_with_h5py();

/// Runs a script; false where it fails (its message is on stderr).
bool run_python(const std::string& python, const std::string& script);

}  // namespace moeperf::test
