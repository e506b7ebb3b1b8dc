#pragma once

#include "results/hdf5.hpp"

#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

// The structure of an HDF5 file as text: "PATH: properties" for every group and dataset, "PATH@NAME: type" for
// every attribute. Names that differ from report to report are masked: /cases/<id>/samples/<part>.
namespace moeperf::test {

inline std::string masked(std::string path) {
  static const std::vector<std::pair<std::regex, std::string>> masks = {
      {std::regex("^/(cases|balancing)/[^/@]+"), "/$1/<id>"},
      {std::regex("^/cases/<id>/(samples|starts|invalid|summary|work)/[^/@]+"), "/cases/<id>/$1/<part>"},
      {std::regex("^/cases/<id>/coordinates@.*"), "/cases/<id>/coordinates@<axis>"},
      {std::regex("^/axes/[^/@]+"), "/axes/<column>"},
      {std::regex("^/cases/<id>/meters/[^/@]+"), "/cases/<id>/meters/<meter>"},
      {std::regex("^/cases/<id>/metrics@.*"), "/cases/<id>/metrics@<metric>"},
      {std::regex("^/cases/<id>/notes@.*"), "/cases/<id>/notes@<note>"},
      {std::regex("^/launches/[^/@]+"), "/launches/<launch>"},
      {std::regex("^/launches/<launch>/environment/(nodes|ranks)/[^/@]+"),
       "/launches/<launch>/environment/$1/<column>"},
  };
  for (const auto& [pattern, mask] : masks) path = std::regex_replace(path, pattern, mask);
  return path;
}

inline std::string type_text(hid_t type) {
  const std::string bits = std::to_string(8 * H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_FLOAT:
      return "float" + bits;
    case H5T_STRING:
      return H5Tget_cset(type) == H5T_CSET_UTF8 ? "text" : "text of another encoding";
    default:
      return "another type";
  }
}

inline std::string storage_text(hid_t dataset) {
  const hdf5::Handle properties(H5Dget_create_plist(dataset), "properties");
  std::string text = H5Pget_layout(properties) == H5D_CHUNKED ? ", chunked" : ", contiguous";
  for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
    std::size_t values = 0;
    unsigned flags = 0, config = 0;
    const auto filter =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
    text += filter == H5Z_FILTER_FLETCHER32 ? ", fletcher32" : ", filter " + std::to_string(filter);
  }
  return text;
}

inline void add_structure(hid_t object, const std::string& path, std::set<std::string>& lines) {
  for (const std::string& name : hdf5::attribute_names(object)) {
    const hdf5::Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), name);
    lines.insert(masked(path + "@" + name) + ": " + type_text(hdf5::Handle(H5Aget_type(attribute), name)));
  }
  if (H5Iget_type(object) == H5I_DATASET) {
    const hdf5::Handle type(H5Dget_type(object), path);
    lines.insert(masked(path) + ": " + type_text(type) + ", rank " + std::to_string(hdf5::shape_of(object).size()) +
                 storage_text(object));
    return;
  }
  lines.insert(masked(path) + ": group");
  for (const std::string& name : hdf5::members(object)) {
    add_structure(hdf5::open_object(object, name), (path == "/" ? "" : path) + "/" + name, lines);
  }
}

inline std::set<std::string> structure_of(const std::string& file) {
  std::set<std::string> lines;
  add_structure(hdf5::open_file(file, false), "/", lines);
  return lines;
}

inline std::set<std::string> paths_of(const std::set<std::string>& lines) {
  std::set<std::string> paths;
  for (const std::string& line : lines) paths.insert(line.substr(0, line.find(": ")));
  return paths;
}

/// The paths in back quotes of one "## " section of SCHEMA.md.
inline std::set<std::string> documented_paths(const std::string& schema, const std::string& section) {
  const std::size_t begin = schema.find("\n## " + section + "\n");
  if (begin == std::string::npos) return {};
  const std::string text = schema.substr(begin, schema.find("\n## ", begin + 1) - begin);
  std::set<std::string> paths;
  const std::regex quoted("`(/[^`\\s]*)`");
  for (std::sregex_iterator i(text.begin(), text.end(), quoted), end; i != end; ++i) paths.insert((*i)[1]);
  return paths;
}

}  // namespace moeperf::test
