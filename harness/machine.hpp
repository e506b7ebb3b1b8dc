#pragma once

#include "kernels/base/host_name.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// Facts about the node that this process runs on. All local, none throws: what the system does not tell is
/// "unknown" or 0.
namespace moeperf {

std::string cpu_model();
/// Vector and matrix instructions of the processor that matter to the kernels, e.g. "avx2 avx512f avx512_bf16".
std::string cpu_isa();
/// Clock of each core now, lowest and highest, in MHz: "2450-3600".
std::string cpu_mhz();
std::string cpu_governor();
/// "2 packages, 8 NUMA nodes, 128 cores, 256 threads".
std::string topology_summary();
/// Logical CPUs of the node that this job may use (control group included).
int num_cpus();
/// Operating system and its release.
std::string kernel_release();
/// "always [madvise] never"
std::string transparent_hugepages();
/// Runnable processes of the node, averaged over the last minute: above 0 before a run, something else runs too.
std::string load_average();

std::int64_t total_memory_bytes();
/// Memory that the ranks of this node have left together, in bytes: the lesser of MemAvailable and what every level of
/// the control groups leaves.
std::int64_t available_memory_bytes();
/// What this process's own limits leave it (ulimit -v and -d), in bytes; nothing where there are none.
std::optional<std::int64_t> own_memory_left_bytes();
/// The smallest of the node's memory, the control groups' limits and those of this process.
std::int64_t memory_limit_bytes();
/// CPUs' worth of time that the control groups allow, e.g. 1.5; nothing where they set no quota.
std::optional<double> cpu_quota();
/// Memory of this process that is in use now, in bytes (its resident set, shared pages included).
std::int64_t resident_bytes();
/// Size of the last-level cache in bytes (hwloc); 32 MiB where unknown.
std::int64_t last_level_cache_bytes();

/// The logical CPUs this process is bound to, as "0-3,8", and how many they are.
std::string affinity();
int num_bound_cpus();
/// OpenMP threads of this rank: those that a parallel region of the calling thread has, which may be fewer than were
/// asked for (see harness/thread_team.hpp).
int num_threads();

}  // namespace moeperf
