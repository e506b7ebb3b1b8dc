# What `cmake --install` copies: the program (component `moeperf`) and the library of the layer with its headers and what
# find_package(moeperf) reads (component `layer`).
include(CMakePackageConfigHelpers)

if(MOEPERF_PROGRAM)
  # An installed binary finds the libraries of the build, wherever they lie.
  set_target_properties(moeperf PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS moeperf RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT moeperf)
  install(DIRECTORY benchmarks/workloads/ DESTINATION ${CMAKE_INSTALL_DATADIR}/moeperf/workloads COMPONENT moeperf
    FILES_MATCHING PATTERN "*.toml")
  install(FILES slurm/moeperf.sbatch DESTINATION ${CMAKE_INSTALL_DATADIR}/moeperf COMPONENT moeperf)
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/moeperf)
install(TARGETS moeperf_archive moeperf_layer EXPORT moeperf
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT layer)
install(EXPORT moeperf NAMESPACE moeperf:: FILE moeperfTargets.cmake DESTINATION ${package_folder} COMPONENT layer)
# In the source tree headers are named from its top; so they are from the folder that is installed.
foreach(folder kernels comm benchmarks/layer)
  get_filename_component(parent ${folder} DIRECTORY)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/moeperf/${parent} COMPONENT layer
    FILES_MATCHING PATTERN "*.hpp")
endforeach()

# Packages of optional parts: those whose targets the library uses.
get_property(uses GLOBAL PROPERTY moeperf_library_uses)
set(optional_packages)
set(finders)
foreach(pair OneDNN::dnnl=OneDNN UCX::ucp=UCX CUDA::cudart_static=CUDAToolkit NCCL::nccl=NCCL)
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 target)
  list(GET pair 1 package)
  if(target IN_LIST uses)
    list(APPEND optional_packages ${package})
    list(APPEND finders ${CMAKE_CURRENT_LIST_DIR}/Find${package}.cmake)
  endif()
endforeach()
list(FILTER finders EXCLUDE REGEX "FindCUDAToolkit")  # CMake's own
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/moeperfConfig.cmake.in
  ${PROJECT_BINARY_DIR}/generated/moeperfConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/moeperfConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/moeperfConfig.cmake
  ${PROJECT_BINARY_DIR}/generated/moeperfConfigVersion.cmake ${finders} DESTINATION ${package_folder} COMPONENT layer)
