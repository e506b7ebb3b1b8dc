# Reading the same headers again takes most of the time of files that are little else, the tests and the command line.
# With MOEPERF_PRECOMPILE each of these targets reads the headers of the libraries that its files use once. Off by
# default: it hides a missing #include, and ccache, which saves more where there is one, does not work with it. Not for
# what is optimised fully: GCC then warns of the standard library's own code (PR 105651).
option(MOEPERF_PRECOMPILE "Precompile common headers: for builds from nothing, without ccache" OFF)

function(moeperf_precompile target)
  if(MOEPERF_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE <algorithm> <cstdint> <functional> <map> <memory> <optional> <string>
      <vector> <fmt/format.h> ${ARGN})
  endif()
endfunction()
