#include "benchmarks/cli/standard_output.hpp"

#include "kernels/base/error.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace moeperf {

int checked_output(int status) {
  errno = 0;
  std::cout.flush();
  bool whole = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  // File systems over a network report a full disk when a file is closed; a copy's close is enough.
  const int copy = whole ? ::dup(STDOUT_FILENO) : -1;
  if (copy >= 0) whole = ::close(copy) == 0;
  if (whole) return status;
  fmt::print(stderr, "moeperf: error: standard output could not be written, text is lost{}\n",
             errno == 0 ? "" : fmt::format(": {}", std::strerror(errno)));
  return exit_failure;
}

}  // namespace moeperf
