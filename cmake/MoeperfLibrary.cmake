# The library target for programs of others: moeperf::NAME, in a project that adds this one by add_subdirectory as well as
# after find_package(moeperf).
#
# Implementations register themselves, so a program must get all objects, not those alone that it calls. The objects are
# therefore in one static library, moeperf::archive, and moeperf::NAME links all of it. Behind that the library is named
# once more, as usual: nothing is missing then, and what it uses and what must be built first is known.

# Sets RESULT to what the use of LAYERS brings with it from other projects.
function(moeperf_foreign_libraries result)
  set(libraries)
  foreach(layer IN LISTS ARGN)
    get_target_property(items moeperf_use_${layer} INTERFACE_LINK_LIBRARIES)
    list(FILTER items INCLUDE REGEX "::")
    list(APPEND libraries ${items})
  endforeach()
  list(REMOVE_DUPLICATES libraries)
  set(${result} ${libraries} PARENT_SCOPE)
endfunction()

function(moeperf_library name)
  cmake_parse_arguments(arg "" "" "LAYERS" ${ARGN})
  get_property(backends GLOBAL PROPERTY moeperf_backends)
  list(TRANSFORM arg_LAYERS REPLACE "^backends$" "${backends}")
  set(objects ${arg_LAYERS})
  list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:moeperf_layer_\\1>")
  add_library(moeperf_archive STATIC ${objects})
  add_library(moeperf::archive ALIAS moeperf_archive)
  set_target_properties(moeperf_archive PROPERTIES OUTPUT_NAME moeperf EXPORT_NAME archive LINKER_LANGUAGE CXX)
  target_compile_features(moeperf_archive PUBLIC cxx_std_20)
  target_include_directories(moeperf_archive PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/moeperf>")
  # Public headers name MPI's types; what the other libraries are for stays in the sources.
  moeperf_foreign_libraries(libraries ${arg_LAYERS})
  list(REMOVE_ITEM libraries MPI::MPI_CXX)
  target_link_libraries(moeperf_archive PUBLIC MPI::MPI_CXX PRIVATE ${libraries})
  set_property(GLOBAL PROPERTY moeperf_library_uses MPI::MPI_CXX ${libraries})
  if(MOEPERF_SANITIZE)
    target_link_options(moeperf_archive INTERFACE -fsanitize=address,undefined)
  endif()

  add_library(moeperf_${name} INTERFACE)
  add_library(moeperf::${name} ALIAS moeperf_${name})
  set_target_properties(moeperf_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(moeperf_${name} INTERFACE
    "-Wl,--whole-archive,$<TARGET_FILE:moeperf::archive>,--no-whole-archive" moeperf_archive)
endfunction()
