# Finds what the suite is built from. All that is missing is named in one message, with its package.
set(moeperf_missing)
set(moeperf_libraries)  # NAME=VERSION of each that was found
# find_package(NAME ARGN…); DEBIAN and SPACK are the names of its packages.
macro(moeperf_find name debian spack)
  find_package(${name} QUIET ${ARGN})
  if(${name}_FOUND)
    list(APPEND moeperf_libraries "${name}=${${name}_VERSION}${${name}_CXX_VERSION}")
  else()
    list(APPEND moeperf_missing "  ${name}: Debian and Ubuntu ${debian}, Spack ${spack}")
  endif()
endmacro()
# The same for what the part MOEPERF_OPTION needs, shown as LABEL: without it the part is left out, see moeperf_backend and
# moeperf_part, unless the option is ON.
macro(moeperf_find_part option name label debian spack)
  if(MOEPERF_${option})
    find_package(${name} ${ARGN} QUIET)
    if(${name}_FOUND)
      list(APPEND moeperf_libraries "${label}=${${name}_VERSION}")
    elseif(MOEPERF_${option} STREQUAL ON)
      list(APPEND moeperf_missing "  ${label} ${ARGN} (MOEPERF_${option}=ON): Debian and Ubuntu ${debian}, Spack ${spack}")
    endif()
  endif()
endmacro()

find_package(Threads REQUIRED)
moeperf_find(OpenMP g++ gcc COMPONENTS CXX)
moeperf_find(MPI "openmpi-bin libopenmpi-dev" openmpi COMPONENTS CXX)
moeperf_find(fmt libfmt-dev fmt)
if(MOEPERF_PROGRAM)
  moeperf_find(HDF5 libhdf5-dev hdf5 COMPONENTS C)
  moeperf_find(tomlplusplus libtomlplusplus-dev tomlplusplus)
  moeperf_find(CLI11 libcli11-dev cli11)
  moeperf_find(nlohmann_json nlohmann-json3-dev nlohmann-json)
  moeperf_find(Hwloc libhwloc-dev hwloc)
endif()
if(MOEPERF_TESTS)
  moeperf_find(Catch2 catch2 catch2)
endif()
moeperf_find_part(ONEDNN OneDNN oneDNN libdnnl-dev onednn)
moeperf_find_part(UCX UCX UCX libucx-dev ucx 1.12)
moeperf_find_part(CUDA CUDAToolkit CUDA "nvidia-cuda-toolkit (or NVIDIA's)" cuda)
moeperf_find_part(CUDA NCCL NCCL "libnccl-dev (of NVIDIA)" nccl 2.28)

list(JOIN moeperf_libraries ", " found)
message(STATUS "moeperf: found ${found}")
if(moeperf_missing)
  string(REPLACE ";" "\n" moeperf_missing "${moeperf_missing}")
  message(FATAL_ERROR "moeperf needs these, which CMake did not find (name other places with CMAKE_PREFIX_PATH):\n${moeperf_missing}")
endif()

if(MOEPERF_PROGRAM AND NOT TARGET HDF5::HDF5)
  add_library(HDF5::HDF5 INTERFACE IMPORTED)
  target_include_directories(HDF5::HDF5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
  target_compile_definitions(HDF5::HDF5 INTERFACE ${HDF5_C_DEFINITIONS})
  target_link_libraries(HDF5::HDF5 INTERFACE ${HDF5_C_LIBRARIES})
endif()

# Flags of every target. No -ffast-math and no contraction: the same bits on every instruction set;
# where a fused multiply-add is wanted the code says std::fma.
add_library(moeperf_options INTERFACE)
target_include_directories(moeperf_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(moeperf_options INTERFACE -Wall -Wextra -Wpedantic -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(moeperf_options INTERFACE -Wno-restrict)  # "x" + std::string, GCC's PR 105651
  if(MOEPERF_PRECOMPILE)  # there the standard library is no system header to GCC, and the same false alarm has more names
    target_compile_options(moeperf_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endif()
target_compile_definitions(moeperf_options INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
if(MOEPERF_WERROR)
  target_compile_options(moeperf_options INTERFACE -Werror)
endif()
if(MOEPERF_SANITIZE)
  # -Og -g1: the instrumented code compiles in a third of the time, and a report needs no more than lines.
  target_compile_options(moeperf_options INTERFACE -Og -g1
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(moeperf_options INTERFACE -fsanitize=address,undefined)
endif()
