# Layers are object libraries: self-registering objects would vanish from static ones.

# The object library moeperf_layer_NAME of some files, and moeperf_use_NAME: what a program that links the
# objects must link too. `uses` are layers or libraries.
function(moeperf_objects name uses)
  add_library(moeperf_use_${name} INTERFACE)
  target_link_libraries(moeperf_use_${name} INTERFACE moeperf_options)
  foreach(item IN LISTS uses)
    if(TARGET moeperf_use_${item})
      set(item moeperf_use_${item})
    endif()
    target_link_libraries(moeperf_use_${name} INTERFACE ${item})
  endforeach()
  add_library(moeperf_layer_${name} OBJECT ${ARGN})
  target_link_libraries(moeperf_layer_${name} PUBLIC moeperf_use_${name})
endfunction()

# Adds the object library moeperf_layer_NAME of all *.cpp in the folders SOURCES (not their
# sub-folders), and records what it uses. Adding a file to a folder adds it to the build. EXCLUDE: regular expressions of
# paths.
function(moeperf_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;EXCLUDE;LINK" ${ARGN})
  set(files)
  foreach(folder IN LISTS arg_SOURCES)
    file(GLOB found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${folder}/*.cpp)
    list(APPEND files ${found})
  endforeach()
  foreach(pattern IN LISTS arg_EXCLUDE)
    list(FILTER files EXCLUDE REGEX "${pattern}")
  endforeach()
  moeperf_objects(${name} "${arg_LINK}" ${files})
endfunction()

# Sets RESULT to whether all variables that WHEN names are true. Where one is not: records NAME and its FOLDERS as left
# out, and sets FILE to a generated one that registers NAMES in REGISTRY as known but not compiled, with the way to turn
# them on, so that the program can say so.
function(moeperf_present result file name)
  cmake_parse_arguments(arg "" "REGISTRY;HEADER;MISSING" "NAMES;FOLDERS;WHEN" ${ARGN})
  set(${result} ON PARENT_SCOPE)
  set(present ON)
  foreach(condition IN LISTS arg_WHEN)
    if(NOT ${condition})
      set(present OFF)
    endif()
  endforeach()
  if(present)
    return()
  endif()
  message(STATUS "moeperf: '${name}' is left out (${arg_MISSING})")
  set_property(GLOBAL APPEND PROPERTY moeperf_absent_backends ${name})
  set_property(GLOBAL APPEND PROPERTY moeperf_absent_folders ${arg_FOLDERS})
  set(registrations)
  foreach(absent IN LISTS arg_NAMES)
    string(MAKE_C_IDENTIFIER ${absent} variable)
    string(APPEND registrations "const Registration ${variable}(${arg_REGISTRY}_registry(),\n    {\"${absent}\", \"not compiled in\", 0, {}, {}, \"${arg_MISSING}\"});\n")
  endforeach()
  set(path ${PROJECT_BINARY_DIR}/generated/absent_${name}.cpp)
  file(CONFIGURE OUTPUT ${path} @ONLY CONTENT [[
#include "@arg_HEADER@"

namespace moeperf {
namespace {
@registrations@}  // namespace
}  // namespace moeperf
]])
  set(${result} OFF PARENT_SCOPE)
  set(${file} ${path} PARENT_SCOPE)
endfunction()

# A layer that needs a dependency, for one implementation NAME in REGISTRY. The word `backends` among the layers of
# moeperf_link stands for all that were made this way.
function(moeperf_backend name)
  set_property(GLOBAL APPEND PROPERTY moeperf_backends ${name})
  cmake_parse_arguments(arg "" "REGISTRY;HEADER;MISSING" "SOURCES;WHEN;LINK" ${ARGN})
  moeperf_present(present absent_file ${name} REGISTRY ${arg_REGISTRY} HEADER ${arg_HEADER} MISSING "${arg_MISSING}"
    NAMES ${name} FOLDERS ${arg_SOURCES} WHEN ${arg_WHEN})
  if(present)
    moeperf_layer(${name} SOURCES ${arg_SOURCES} LINK ${arg_LINK})
  else()
    list(GET arg_LINK 0 base)
    moeperf_objects(${name} ${base} ${absent_file})
  endif()
endfunction()

# Files of LAYER that need a dependency: all *.cpp in the folders SOURCES, and those that match the patterns FILES, which
# the layer itself must exclude. They hold the implementations NAMES in REGISTRY.
function(moeperf_part layer name)
  cmake_parse_arguments(arg "" "REGISTRY;HEADER;MISSING" "NAMES;SOURCES;FILES;WHEN;LINK" ${ARGN})
  moeperf_present(present absent_file ${name} REGISTRY ${arg_REGISTRY} HEADER ${arg_HEADER} MISSING "${arg_MISSING}"
    NAMES ${arg_NAMES} FOLDERS ${arg_SOURCES} WHEN ${arg_WHEN})
  if(present)
    list(TRANSFORM arg_SOURCES APPEND "/*.cpp")
    file(GLOB files CONFIGURE_DEPENDS ${arg_SOURCES} ${arg_FILES})
    target_sources(moeperf_layer_${layer} PRIVATE ${files})
    target_link_libraries(moeperf_use_${layer} INTERFACE ${arg_LINK})
  else()
    list(TRANSFORM arg_FILES REPLACE "\\.cpp$" ".hpp")
    file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR} ${arg_FILES})
    set_property(GLOBAL APPEND PROPERTY moeperf_absent_headers ${headers})
    target_sources(moeperf_layer_${layer} PRIVATE ${absent_file})
  endif()
endfunction()

# Files named *_isa.cpp of a layer hold vector code: each is compiled once for every x86-64 level in
# its own namespace (MOEPERF_ISA) and chosen at run time; elsewhere once, as `generic`. errno and traps,
# which nobody reads, would keep square roots and choices out of vectors; results do not depend on them.
function(moeperf_isa_variants name)
  set(target moeperf_layer_${name})
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "_isa\\.cpp$")
  set(generic_flags -fno-math-errno -fno-trapping-math)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND generic_flags -Wno-maybe-uninitialized -Wno-uninitialized)  # GCC's own AVX-512 header, PR 105593
  endif()
  set(avx2_flags ${generic_flags} -mavx2 -mfma -mf16c -mbmi2)
  set(avx512_flags ${avx2_flags} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${generic_flags}")
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  foreach(file IN LISTS sources)
    foreach(isa avx2 avx512)
      get_filename_component(stem ${file} NAME_WE)
      set(copy ${PROJECT_BINARY_DIR}/generated/${stem}_${isa}.cpp)
      file(GENERATE OUTPUT ${copy} CONTENT
        "#define MOEPERF_ISA ${isa}\n#include \"${file}\"  // NOLINT(bugprone-suspicious-include)\n")
      set_source_files_properties(${copy} PROPERTIES COMPILE_OPTIONS "${${isa}_flags}")
      target_sources(${target} PRIVATE ${copy})
    endforeach()
  endforeach()
endfunction()

# Links an executable with the objects of layers and what they use.
function(moeperf_link target)
  get_property(backends GLOBAL PROPERTY moeperf_backends)
  string(REPLACE "backends" "${backends}" layers "${ARGN}")
  foreach(layer IN LISTS layers)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:moeperf_layer_${layer}>)
    target_link_libraries(${target} PRIVATE moeperf_use_${layer})
  endforeach()
endfunction()

# Copies the workloads beside the program, where it looks for them (../share/moeperf), whenever it is built.
function(moeperf_workload_files program folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.toml)
  set(copies)
  foreach(file IN LISTS files)
    get_filename_component(base ${file} NAME)
    set(copy ${PROJECT_BINARY_DIR}/share/moeperf/workloads/${base})
    add_custom_command(OUTPUT ${copy} COMMAND ${CMAKE_COMMAND} -E copy ${file} ${copy} DEPENDS ${file})
    list(APPEND copies ${copy})
  endforeach()
  add_custom_target(moeperf_workloads ALL DEPENDS ${copies})
  add_dependencies(${program} moeperf_workloads)
endfunction()

# Adds to a layer the file that says what was built from what (see cmake/BuildFacts.cmake).
function(moeperf_build_facts name)
  set(file ${PROJECT_BINARY_DIR}/generated/build_facts.cpp)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(TOLOWER "${moeperf_libraries}" libraries)
  add_custom_target(moeperf_build_facts BYPRODUCTS ${file}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${file} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
      -DBUILD_TYPE=${CMAKE_BUILD_TYPE} "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
      "-DFLAGS=${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}" "-DLIBRARIES=${libraries}"
      -P ${PROJECT_SOURCE_DIR}/cmake/BuildFacts.cmake
    VERBATIM)
  target_sources(moeperf_layer_${name} PRIVATE ${file})
  add_dependencies(moeperf_layer_${name} moeperf_build_facts)
endfunction()
