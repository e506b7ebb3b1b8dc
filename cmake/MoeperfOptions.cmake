# The option NAME of a part that needs a library: AUTO builds it where the library is found, ON must find it, OFF
# does not look.
function(moeperf_part_option name what)
  set(${name} AUTO CACHE STRING "Build ${what}: AUTO, ON or OFF")
  set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
  if(NOT ${name} MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "${name}=${${name}}: it builds ${what}; accepted: AUTO (where it is found), ON (must be found), OFF")
  endif()
endfunction()
