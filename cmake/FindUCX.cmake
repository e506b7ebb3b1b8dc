# UCX's protocol layer as UCX::ucp. Headers and libraries are looked up directly: not every package of it brings its
# CMake or pkg-config files.
find_path(UCX_INCLUDE_DIR ucp/api/ucp.h)
find_library(UCX_ucp_LIBRARY NAMES ucp)
find_library(UCX_ucs_LIBRARY NAMES ucs)
set(header ${UCX_INCLUDE_DIR}/ucp/api/ucp_version.h)
if(EXISTS ${header})
  file(STRINGS ${header} lines REGEX "#define UCP_API_(MAJOR|MINOR)[ \t]")
  string(REGEX REPLACE "[^0-9;]" "" UCX_VERSION "${lines}")
  string(REPLACE ";" "." UCX_VERSION "${UCX_VERSION}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(UCX REQUIRED_VARS UCX_ucp_LIBRARY UCX_ucs_LIBRARY UCX_INCLUDE_DIR VERSION_VAR UCX_VERSION)
if(UCX_FOUND AND NOT TARGET UCX::ucp)
  add_library(UCX::ucp UNKNOWN IMPORTED)
  set_target_properties(UCX::ucp PROPERTIES IMPORTED_LOCATION ${UCX_ucp_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${UCX_INCLUDE_DIR} INTERFACE_LINK_LIBRARIES ${UCX_ucs_LIBRARY})
endif()
