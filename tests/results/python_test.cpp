#include "tests/results/python.hpp"

#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <cstdlib>
#include <fstream>

namespace moeperf::test {

std::string python_with_h5py() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (std::system((python + " -c 'import h5py' 2>/dev/null").c_str()) == 0) return python;
  }
  WARN("SKIPPED: no python3 with h5py here");
  return {};
}

bool run_python(const std::string& python, const std::string& script) {
  const TemporaryFolder folder;
  const std::string file = (folder / "script.py").string();
  std::ofstream(file) << script;
  return std::system((python + " " + file).c_str()) == 0;
}

namespace {

TEST_CASE("a failing script is noticed") {
  const std::string python = python_with_h5py();
  if (python.empty()) return;
  REQUIRE(run_python(python, "import h5py"));
  REQUIRE_FALSE(run_python(python, "import sys; sys.exit(3)"));
}

}  // namespace
}  // namespace moeperf::test
