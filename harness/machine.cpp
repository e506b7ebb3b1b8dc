#include "harness/machine.hpp"

#include "harness/control_group.hpp"
#include "kernels/base/counted.hpp"

#include <hwloc.h>
#include <omp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

namespace moeperf {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string known(const std::string& text) { return text.empty() ? "unknown" : text; }

/// The values of a key in /proc/cpuinfo ("key<tabs>: value"), one per logical CPU.
std::vector<std::string> cpuinfo(const std::string& key) {
  std::vector<std::string> values;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) != key) continue;
    values.push_back(line.substr(std::min(colon + 2, line.size())));
  }
  return values;
}

std::string first(const std::vector<std::string>& values) { return values.empty() ? "" : values.front(); }

std::int64_t meminfo_bytes(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

/// This machine's topology. Loading it takes long on large nodes: once a process.
hwloc_topology_t topology() {
  struct Loaded {
    hwloc_topology_t handle = nullptr;
    Loaded() {
      hwloc_topology_init(&handle);
      hwloc_topology_load(handle);
    }
    Loaded(const Loaded&) = delete;
    Loaded& operator=(const Loaded&) = delete;
    ~Loaded() { hwloc_topology_destroy(handle); }
  };
  static const Loaded loaded;
  return loaded.handle;
}

/// A soft limit of this process in bytes; nothing where there is none.
std::optional<std::int64_t> process_limit(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur > static_cast<rlim_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(limit.rlim_cur);
}

int num_objects(hwloc_obj_type_t type) { return std::max(0, hwloc_get_nbobjs_by_type(topology(), type)); }

}  // namespace

std::string cpu_model() {
  const std::string x86 = first(cpuinfo("model name"));
  return known(x86.empty() ? first(cpuinfo("CPU part")) : x86);
}

std::string cpu_isa() {
  const std::string x86 = first(cpuinfo("flags"));
  std::istringstream flags(x86.empty() ? first(cpuinfo("Features")) : x86);
  static constexpr std::array families{"avx", "amx", "fma", "f16c", "asimd", "sve", "bf16", "i8mm"};
  std::string kept;
  for (std::string flag; flags >> flag;) {
    if (std::none_of(families.begin(), families.end(), [&](auto family) { return flag.starts_with(family); })) continue;
    kept += (kept.empty() ? "" : " ") + flag;
  }
  return known(kept);
}

std::string cpu_mhz() {
  std::set<long> clocks;
  for (const std::string& value : cpuinfo("cpu MHz")) clocks.insert(std::lround(std::strtod(value.c_str(), nullptr)));
  if (clocks.empty()) return "unknown";
  return clocks.size() == 1 ? std::to_string(*clocks.begin()) : fmt::format("{}-{}", *clocks.begin(), *clocks.rbegin());
}

std::string cpu_governor() { return known(first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")); }

std::string topology_summary() {
  return fmt::format("{}, {}, {}, {}", counted(num_objects(HWLOC_OBJ_PACKAGE), "package"),
                     counted(num_objects(HWLOC_OBJ_NUMANODE), "NUMA node"),
                     counted(num_objects(HWLOC_OBJ_CORE), "core"), counted(num_objects(HWLOC_OBJ_PU), "thread"));
}

int num_cpus() { return num_objects(HWLOC_OBJ_PU); }

std::string kernel_release() {
  utsname system{};
  uname(&system);
  return fmt::format("{} {}", system.sysname, system.release);
}

std::string transparent_hugepages() { return known(first_line("/sys/kernel/mm/transparent_hugepage/enabled")); }

std::string load_average() {
  const std::string line = first_line("/proc/loadavg");
  return known(line.substr(0, line.find(' ')));
}

std::int64_t total_memory_bytes() { return meminfo_bytes("MemTotal"); }

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t all_pages = 0, resident_pages = 0;
  statm >> all_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

std::int64_t available_memory_bytes() {
  const std::int64_t available = meminfo_bytes("MemAvailable");
  return std::min(available, ControlGroups().memory_left_bytes().value_or(available));
}

std::optional<std::int64_t> own_memory_left_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0, resident = 0, shared = 0, text = 0, unused = 0, data = 0;
  statm >> size >> resident >> shared >> text >> unused >> data;
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  std::optional<std::int64_t> least;
  for (const auto& [limit, used] :
       {std::pair{process_limit(RLIMIT_AS), size}, std::pair{process_limit(RLIMIT_DATA), data}}) {
    if (!limit) continue;
    // Libraries map more when they are first used: code that oneDNN makes, UCX's and MPI's segments. Where that finds
    // no room some of them crash.
    constexpr std::int64_t of_libraries = std::int64_t{256} << 20;
    const std::int64_t left = std::max<std::int64_t>(0, *limit - used * page - of_libraries);
    least = std::min(least.value_or(left), left);
  }
  return least;
}

std::int64_t memory_limit_bytes() {
  std::int64_t least = total_memory_bytes();
  for (const auto& limit :
       {ControlGroups().memory_limit_bytes(), process_limit(RLIMIT_AS), process_limit(RLIMIT_DATA)}) {
    least = std::min(least, limit.value_or(least));
  }
  return least;
}

std::optional<double> cpu_quota() { return ControlGroups().cpu_quota(); }

std::int64_t last_level_cache_bytes() {
  std::int64_t largest = 0;
  for (const auto type : {HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE}) {
    if (const hwloc_obj_t cache = hwloc_get_obj_by_type(topology(), type, 0)) {
      largest = std::max(largest, static_cast<std::int64_t>(cache->attr->cache.size));
    }
  }
  return largest > 0 ? largest : std::int64_t{32} << 20;
}

int num_bound_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : num_cpus();
}

std::string affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return "unknown";
  std::string text;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set)) continue;
    int last = cpu;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set)) ++last;
    text += (text.empty() ? "" : ",") + (last == cpu ? std::to_string(cpu) : fmt::format("{}-{}", cpu, last));
    cpu = last;
  }
  return text;
}

int num_threads() {
  int team = 1;
#pragma omp parallel
#pragma omp single
  team = omp_get_num_threads();
  return team;
}

}  // namespace moeperf
