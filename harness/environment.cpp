#include "harness/environment.hpp"

#include "harness/build_facts.hpp"

#include <hwloc.h>
#include <omp.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

extern char** environ;

namespace moeperf {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name") || line.starts_with("Processor")) {
      const auto colon = line.find(':');
      if (colon != std::string::npos) return line.substr(line.find_first_not_of(" \t", colon + 1));
    }
  }
  return "unknown";
}

std::int64_t meminfo_bytes(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

/// The cores this process may run on, as "0-3,8".
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

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string version(text.data(), static_cast<std::size_t>(length));
  return version.substr(0, version.find('\n'));
}

std::string topology_summary(hwloc_topology_t topology) {
  auto count = [&](hwloc_obj_type_t type) { return std::max(0, hwloc_get_nbobjs_by_type(topology, type)); };
  return fmt::format("{} packages, {} NUMA nodes, {} cores, {} threads", count(HWLOC_OBJ_PACKAGE),
                     count(HWLOC_OBJ_NUMANODE), count(HWLOC_OBJ_CORE), count(HWLOC_OBJ_PU));
}

/// Calls `body` with this machine's topology.
template <class Body>
auto with_topology(Body body) {
  hwloc_topology_t topology = nullptr;
  hwloc_topology_init(&topology);
  hwloc_topology_load(topology);
  auto result = body(topology);
  hwloc_topology_destroy(topology);
  return result;
}

std::map<std::string, std::string> relevant_variables() {
  static constexpr std::array prefixes{"OMPI_", "PMIX_MCA", "PRTE_MCA", "UCX_",       "NCCL_",          "CUDA_",
                                       "OMP_",  "KMP_",     "GOMP_",    "DNNL_",      "ONEDNN_",        "SLURM_",
                                       "HDF5_", "FI_",      "MALLOC_",  "LD_PRELOAD", "LD_LIBRARY_PATH"};
  std::map<std::string, std::string> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    for (const std::string_view prefix : prefixes) {
      if (text.starts_with(prefix)) found.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return found;
}

/// Transposes gathered rows ("a\x1f b\x1f c" per rank) into named columns.
Table table_of(const std::vector<std::string>& columns, const std::vector<std::string>& rows) {
  Table table;
  for (const auto& column : columns) table.emplace_back(column, std::vector<std::string>{});
  for (const auto& row : rows) {
    std::istringstream fields(row);
    for (auto& [name, values] : table) {
      std::string field;
      std::getline(fields, field, '\x1f');
      values.push_back(field);
    }
  }
  return table;
}

std::string joined(const std::vector<std::string>& fields) { return fmt::format("{}", fmt::join(fields, "\x1f")); }

}  // namespace

std::string utc_time() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string utc_time_compact() {
  return fmt::format("{:%Y%m%dT%H%M%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string host_name() {
  std::array<char, 256> text{};
  gethostname(text.data(), text.size() - 1);
  return text.data();
}

int num_threads() { return omp_get_max_threads(); }

std::string version_text() { return fmt::format("{} ({})", build::version, build::git_commit); }

std::int64_t last_level_cache_bytes() {
  const auto bytes = with_topology([](hwloc_topology_t topology) {
    std::int64_t largest = 0;
    for (const auto type : {HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE}) {
      if (const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0)) {
        largest = std::max(largest, static_cast<std::int64_t>(cache->attr->cache.size));
      }
    }
    return largest;
  });
  return bytes > 0 ? bytes : std::int64_t{32} << 20;
}

std::int64_t available_memory_bytes() {
  std::int64_t available = meminfo_bytes("MemAvailable");
  const std::string limit = first_line("/sys/fs/cgroup/memory.max");
  if (!limit.empty() && limit != "max") {
    const std::int64_t used = std::strtoll(first_line("/sys/fs/cgroup/memory.current").c_str(), nullptr, 10);
    available = std::min(available, std::max<std::int64_t>(0, std::strtoll(limit.c_str(), nullptr, 10) - used));
  }
  return available;
}

Environment capture_environment(const Communicator& comm) {
  Environment environment;
  auto& facts = environment.facts;
  utsname system{};
  uname(&system);
  facts["moeperf"] = version_text();
  facts["git_commit"] = build::git_commit;
  facts["build_type"] = build::build_type;
  facts["compiler"] = build::compiler;
  facts["compiler_flags"] = build::flags;
  facts["mpi"] = mpi_library();
  facts["ranks"] = std::to_string(comm.size());
  facts["nodes"] = std::to_string(comm.num_nodes());
  facts["threads_per_rank"] = std::to_string(num_threads());
  facts["synchroniser"] = "barrier";
  facts["clock"] = "steady_clock, per rank";
  facts["cuda"] = "not compiled in";
  facts["energy"] = "not measured";
  for (const auto& [library, version] : build::libraries()) facts[library] = version;
  environment.variables = relevant_variables();

  const std::string topology = with_topology([](hwloc_topology_t t) { return topology_summary(t); });
  const auto governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  const std::string node_row =
      joined({host_name(), cpu_model(), topology, std::to_string(last_level_cache_bytes()),
              std::to_string(meminfo_bytes("MemTotal")), std::string(system.sysname) + " " + system.release,
              governor.empty() ? "unknown" : governor, first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
              std::to_string(comm.ranks_on_node())});
  const std::string rank_row = joined({std::to_string(comm.rank()), std::to_string(comm.node()), host_name(),
                                       std::to_string(getpid()), affinity(), std::to_string(num_threads())});
  auto node_rows = comm.gather(comm.rank_on_node() == 0 ? node_row : std::string());
  std::erase(node_rows, std::string());
  environment.nodes = table_of({"host", "cpu_model", "topology", "last_level_cache_bytes", "memory_bytes", "kernel",
                                "governor", "transparent_hugepages", "ranks"},
                               node_rows);
  environment.ranks = table_of({"rank", "node", "host", "pid", "affinity", "threads"}, comm.gather(rank_row));
  return environment;
}

}  // namespace moeperf
