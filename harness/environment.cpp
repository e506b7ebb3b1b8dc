#include "harness/environment.hpp"

#include "comm/library_facts.hpp"
#include "comm/mpi/device_support.hpp"
#include "comm/mpi/error.hpp"
#include "harness/build_facts.hpp"
#include "harness/launch_variables.hpp"
#include "harness/machine.hpp"

#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <sstream>
#include <utility>
#include <vector>

namespace moeperf {
namespace {

using Row = std::vector<std::pair<std::string, std::string>>;  ///< column, value

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string version = text.data();  // Open MPI counts the final NUL into the length
  return version.substr(0, version.find('\n'));
}

/// Whether MPI itself takes memory of CUDA devices, as far as it says.
std::string mpi_cuda_aware() {
  const auto reason = mpi_refuses_memory_of("cuda");
  return reason ? "no: " + *reason : "yes";
}

/// Rank 0, which must have one, gets all ranks' rows that are not empty, as named columns. Collective.
Table gather_table(const Communicator& comm, const Row& row) {
  std::string line;
  for (const auto& [column, value] : row) line += value + '\x1f';
  Table table;
  for (const auto& [column, value] : row) table.emplace_back(column, std::vector<std::string>{});
  for (const std::string& gathered : comm.gather(line)) {
    if (gathered.empty()) continue;
    std::istringstream fields(gathered);
    for (auto& [column, values] : table) {
      values.emplace_back();
      std::getline(fields, values.back(), '\x1f');
    }
  }
  return table;
}

Row node_row(const Communicator& comm) {
  const auto quota = cpu_quota();
  return {{"host", host_name()},
          {"cpu_model", cpu_model()},
          {"cpu_isa", cpu_isa()},
          {"cpu_mhz", cpu_mhz()},
          {"governor", cpu_governor()},
          {"topology", topology_summary()},
          {"cpus", std::to_string(num_cpus())},
          {"cpu_quota", quota ? fmt::format("{:.2f}", *quota) : "none"},
          {"last_level_cache_bytes", std::to_string(last_level_cache_bytes())},
          {"memory_bytes", std::to_string(total_memory_bytes())},
          {"memory_limit_bytes", std::to_string(memory_limit_bytes())},
          {"transparent_hugepages", transparent_hugepages()},
          {"kernel", kernel_release()},
          {"load_average", load_average()},
          {"ranks", std::to_string(comm.ranks_on_node())}};
}

Row rank_row(const Communicator& comm) {
  return {{"rank", std::to_string(comm.rank())},
          {"node", std::to_string(comm.node())},
          {"host", host_name()},
          {"pid", std::to_string(getpid())},
          {"affinity", affinity()},
          {"threads", std::to_string(num_threads())}};
}

/// "8", or "1-8" where ranks differ. Collective.
std::string threads_per_rank(const Communicator& comm) {
  const auto own = static_cast<double>(num_threads());
  const double least = comm.min(own), most = comm.max(own);
  return least == most ? fmt::format("{:.0f}", least) : fmt::format("{:.0f}-{:.0f}", least, most);
}

/// The logical CPUs that the ranks of this node may use together. Collective.
int cpus_of_ranks_on_node(const Communicator& comm) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) CPU_ZERO(&cpus);
  static_assert(sizeof(cpus) % sizeof(std::uint64_t) == 0);
  mpi_check(
      MPI_Allreduce(MPI_IN_PLACE, &cpus, sizeof(cpus) / sizeof(std::uint64_t), MPI_UINT64_T, MPI_BOR, comm.node_comm()),
      "MPI_Allreduce");
  const int count = CPU_COUNT(&cpus);
  return count > 0 ? count : num_cpus();
}

/// More threads on some node than CPUs that its ranks may use or than the control groups' quota, or more of one rank
/// than CPUs it is bound to: times then hold waiting for a CPU. Collective.
bool oversubscribed(const Communicator& comm) {
  const int cpus = std::min(num_cpus(), cpus_of_ranks_on_node(comm));
  const bool node = oversubscribes(comm.ranks_on_node() * num_threads(), cpus, cpu_quota());
  return !comm.all(!node && num_threads() <= num_bound_cpus());
}

}  // namespace

bool oversubscribes(int threads, int cpus, std::optional<double> quota) {
  return threads > cpus || (quota && threads > *quota);
}

std::string utc_time() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string utc_time_compact() {
  return fmt::format("{:%Y%m%dT%H%M%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string version_text() { return fmt::format("{} ({})", build::version, build::git_commit); }

Environment capture_environment(const Communicator& comm, const Instruments& instruments) {
  Environment environment;
  auto& facts = environment.facts;
  facts["moeperf"] = version_text();
  facts["git_commit"] = build::git_commit;
  facts["build_type"] = build::build_type;
  facts["compiler"] = build::compiler;
  facts["compiler_flags"] = build::flags;
  facts["mpi"] = mpi_library();
  facts["mpi_cuda_aware"] = mpi_cuda_aware();
  facts["ranks"] = std::to_string(comm.size());
  facts["nodes"] = std::to_string(comm.num_nodes());
  facts["threads_per_rank"] = threads_per_rank(comm);
  facts["oversubscribed"] = oversubscribed(comm) ? "yes" : "no";
  const ClockQuality quality = instruments.clock->quality();
  facts["synchroniser"] = instruments.synchroniser->name();
  facts["clock"] = instruments.clock->name();
  facts["clock_resolution_s"] = fmt::format("{:.3g}", quality.resolution_s);
  facts["clock_read_cost_s"] = fmt::format("{:.3g}", quality.read_cost_s);
  facts["energy"] = "not measured";
  if (comm.is_root()) facts.merge(library_facts());
  for (const auto& [library, version] : build::libraries()) facts.emplace(library, version);
  for (const char* optional : {"cuda", "nccl", "ucx"}) facts.emplace(optional, "not compiled in");
  environment.variables = launch_variables();
  environment.nodes = gather_table(comm, comm.rank_on_node() == 0 ? node_row(comm) : Row{});
  environment.ranks = gather_table(comm, rank_row(comm));
  return environment;
}

}  // namespace moeperf
