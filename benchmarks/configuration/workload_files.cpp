#include "benchmarks/configuration/workload_files.hpp"

#include "harness/agreement.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace moeperf {

namespace fs = std::filesystem;

fs::path workloads_folder() {
  if (const char* folder = std::getenv("MOEPERF_WORKLOADS")) return folder;
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path().parent_path() / "share" / "moeperf" / "workloads";
}

std::vector<std::string> workload_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(workloads_folder(), ignored)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

fs::path workload_path(const std::string& name_or_path) {
  if (name_or_path.ends_with(".toml") || name_or_path.find('/') != std::string::npos) return name_or_path;
  fs::path standard = workloads_folder() / (name_or_path + ".toml");
  std::error_code ignored;
  if (fs::exists(standard, ignored)) return standard;
  throw UserError(fmt::format("unknown workload '{}'; accepted: a path to a .toml file, or one of: {} (in {})",
                              name_or_path, fmt::join(workload_names(), ", "), workloads_folder().string()));
}

std::string read_for_all(const Communicator& comm, const fs::path& path) {
  std::string text;
  on_root(comm, [&] {
    std::ifstream file(path, std::ios::binary);
    std::error_code ignored;
    if (!file || fs::is_directory(path, ignored)) {
      throw UserError(fmt::format("cannot read workload file '{}'", path.string()));
    }
    std::ostringstream content;
    content << file.rdbuf();
    text = content.str();
  });
  return comm.broadcast(text);
}

}  // namespace moeperf
