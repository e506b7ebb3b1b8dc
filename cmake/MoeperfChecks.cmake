# Checks of the source tree itself (layering, format, CONTRIBUTING.md, every header compiles alone) and of the scripts.

foreach(check layering format contributing bootstrap)
  add_test(NAME ${check} COMMAND bash ${PROJECT_SOURCE_DIR}/tests/${check}_test.sh ${PROJECT_SOURCE_DIR})
endforeach()
add_test(NAME configure COMMAND bash ${PROJECT_SOURCE_DIR}/tests/configure_test.sh ${PROJECT_SOURCE_DIR} ${CMAKE_COMMAND}
  ${PROJECT_BINARY_DIR}/configure-test -G ${CMAKE_GENERATOR} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
  -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} "-DCMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH}")
set_tests_properties(configure PROPERTIES TIMEOUT 120)
list(JOIN launcher " " launcher_words)
add_test(NAME outside_project COMMAND bash ${PROJECT_SOURCE_DIR}/tests/outside_project_test.sh ${PROJECT_SOURCE_DIR}
  ${PROJECT_BINARY_DIR} ${CMAKE_COMMAND} ${PROJECT_BINARY_DIR}/outside-project-test $<TARGET_FILE:moeperf>
  -G ${CMAKE_GENERATOR} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}
  "-DCMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH}")
set_tests_properties(outside_project PROPERTIES ENVIRONMENT "${environment};OMP_NUM_THREADS=1;LAUNCHER=${launcher_words}"
  TIMEOUT 300 PROCESSORS 1)
set_tests_properties(layering format contributing bootstrap PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60)

find_program(MOEPERF_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(MOEPERF_PYTHON NAMES python3)
set(python ${MOEPERF_PYTHON})
if(NOT python)
  set(python "")
endif()

# Real node boundaries: hosts made of namespaces. RUN_SERIAL: the second holds measured times against bytes.
add_test(NAME nodes COMMAND bash ${PROJECT_SOURCE_DIR}/tests/nodes_test.sh ${PROJECT_SOURCE_DIR}
  $<TARGET_FILE:comm_tests> $<TARGET_FILE:moeperf> "${python}")
add_test(NAME nodes_shaped COMMAND bash ${PROJECT_SOURCE_DIR}/tests/nodes_shaped_test.sh ${PROJECT_SOURCE_DIR}
  $<TARGET_FILE:moeperf> "${python}" mpi-alltoallv mpi-two-level)
set_tests_properties(nodes nodes_shaped PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1800 PROCESSORS 1 COST 50
  ENVIRONMENT "MPIRUN=${MPIEXEC_EXECUTABLE};MOEPERF_MATRIX=${MOEPERF_MATRIX}")
set_tests_properties(nodes_shaped PROPERTIES RUN_SERIAL ON)

add_test(NAME slurm COMMAND bash ${PROJECT_SOURCE_DIR}/tests/slurm_test.sh ${PROJECT_SOURCE_DIR} $<TARGET_FILE:moeperf>)
set_tests_properties(slurm PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 PROCESSORS 1 COST 200)

add_test(NAME stall COMMAND bash ${PROJECT_SOURCE_DIR}/tests/stall_test.sh $<TARGET_FILE:moeperf> ${launcher})
add_test(NAME cli COMMAND bash ${PROJECT_SOURCE_DIR}/tests/cli_test.sh $<TARGET_FILE:moeperf> ${launcher})
set_tests_properties(cli PROPERTIES ENVIRONMENT "${environment};OMP_NUM_THREADS=1" TIMEOUT 600 PROCESSORS 1)
set_tests_properties(stall PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT "${environment};OMP_NUM_THREADS=1" TIMEOUT 600
  PROCESSORS 1 COST 100)

add_test(NAME thread_team COMMAND bash ${PROJECT_SOURCE_DIR}/tests/thread_team_test.sh $<TARGET_FILE:moeperf> ${launcher})
set_tests_properties(thread_team PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 600 PROCESSORS 1)
add_test(NAME small_shared_memory COMMAND bash ${PROJECT_SOURCE_DIR}/tests/small_shared_memory_test.sh
  $<TARGET_FILE:moeperf> ${launcher})
set_tests_properties(small_shared_memory PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT "${environment};OMP_NUM_THREADS=1"
  TIMEOUT 300 PROCESSORS 2)

# The oracle is numpy; where that is missing the test says so.
if(NOT MOEPERF_PYTHON)
  message(STATUS "moeperf: no python3, the test route_oracle is left out")
else()
  add_test(NAME route_oracle COMMAND ${MOEPERF_PYTHON} ${PROJECT_SOURCE_DIR}/tests/benchmarks/route_oracle.py
    $<TARGET_FILE:moeperf> ${launcher})
  set_tests_properties(route_oracle PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT "${environment};OMP_NUM_THREADS=1" TIMEOUT 900
    PROCESSORS 1)
endif()

# Sets RESULT to the headers that a source of LAYERS includes first.
function(moeperf_included_first result)
  set(headers)
  foreach(layer IN LISTS ARGN)
    get_target_property(sources moeperf_layer_${layer} SOURCES)
    list(FILTER sources EXCLUDE REGEX "^${PROJECT_BINARY_DIR}/")
    foreach(source IN LISTS sources)
      get_filename_component(source ${source} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
      file(STRINGS ${source} line REGEX "^#include" LIMIT_COUNT 1)
      string(REGEX REPLACE "^#include \"(.*)\"$" "\\1" header "${line}")
      list(APPEND headers ${header})
    endforeach()
  endforeach()
  set(${result} ${headers} PARENT_SCOPE)
endfunction()

# One translation unit per header of FOLDERS, unoptimised. Building the tests is the check. A header that a source of
# LAYERS includes first needs none: X.cpp includes X.hpp first, which the test `layering` sees to, and others were seen
# when CMake ran. LAYERS: also those whose libraries the headers may include from.
function(moeperf_header_checks)
  cmake_parse_arguments(arg "" "" "FOLDERS;LAYERS" ${ARGN})
  get_property(backends GLOBAL PROPERTY moeperf_backends)
  get_property(absent GLOBAL PROPERTY moeperf_absent_folders)
  get_property(absent_headers GLOBAL PROPERTY moeperf_absent_headers)
  moeperf_included_first(checked ${arg_LAYERS} ${backends})
  set(files)
  foreach(folder IN LISTS arg_FOLDERS)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
    foreach(header IN LISTS headers)
      get_filename_component(parent ${header} DIRECTORY)
      if(parent IN_LIST absent OR header IN_LIST absent_headers OR header IN_LIST checked)
        continue()
      endif()
      string(REPLACE "/" "__" stem ${header})
      set(file ${PROJECT_BINARY_DIR}/generated/headers/${stem}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "#include \"${header}\"\n")
      list(APPEND files ${file})
    endforeach()
  endforeach()
  add_library(header_checks OBJECT ${files})
  target_compile_options(header_checks PRIVATE -O0 -g0)
  target_link_libraries(header_checks PRIVATE moeperf_options Catch2::Catch2)
  foreach(layer IN LISTS arg_LAYERS backends)
    target_link_libraries(header_checks PRIVATE moeperf_use_${layer})
  endforeach()
endfunction()
moeperf_header_checks(FOLDERS kernels comm results harness benchmarks tests LAYERS cli benchmarks layer harness results comm kernels base)
