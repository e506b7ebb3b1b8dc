# Run at build time (cmake -P): writes the definitions of harness/build_facts.hpp, only when they changed.
cmake_minimum_required(VERSION 3.22)
find_package(Git QUIET)
set(commit unknown)
if(GIT_FOUND)
  # A container's root is not the owner of a source folder mounted into it, which git would otherwise refuse.
  set(git ${GIT_EXECUTABLE} -c safe.directory=${SOURCE_DIR} -C ${SOURCE_DIR})
  execute_process(COMMAND ${git} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(commit unknown)
  else()
    execute_process(COMMAND ${git} status --porcelain --untracked-files=no
      OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
      string(APPEND commit "-dirty")
    endif()
  endif()
endif()
set(libraries)
foreach(pair IN LISTS LIBRARIES)
  string(REPLACE "=" "\", \"" pair "${pair}")
  string(APPEND libraries "\n      {\"${pair}\"},")
endforeach()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "harness/build_facts.hpp"

namespace moeperf::build {

const char* const version = "@VERSION@";
const char* const git_commit = "@commit@";
const char* const build_type = "@BUILD_TYPE@";
const char* const compiler = "@COMPILER@";
const char* const flags = "@FLAGS@";

std::map<std::string, std::string> libraries() {
  return {@libraries@
  };
}

}  // namespace moeperf::build
]])
