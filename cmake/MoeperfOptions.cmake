# The option NAME of a part that needs a library: AUTO builds it where the library is found, ON must find it, OFF
# does not look.
function(moeperf_part_option name what)
  set(${name} AUTO CACHE STRING "Build ${what}: AUTO, ON or OFF")
  set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
  if(NOT ${name} MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "${name}=${${name}}: it builds ${what}; accepted: AUTO (where it is found), ON (must be found), OFF")
  endif()
endfunction()

# The option NAME of what is for those who develop moeperf or run it, not for a project that has it as a part: ON where
# it is the top project. UNLESS: OFF there, too.
function(moeperf_top_level_option name what)
  cmake_parse_arguments(arg "" "UNLESS" "" ${ARGN})
  set(default ${PROJECT_IS_TOP_LEVEL})
  if(arg_UNLESS)
    set(default OFF)
  endif()
  option(${name} "${what}" ${default})
endfunction()
