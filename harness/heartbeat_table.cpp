#include "harness/heartbeat_table.hpp"

#include "harness/clock.hpp"
#include "kernels/base/error.hpp"
#include "kernels/base/host_name.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <new>

namespace moeperf {

bool Heartbeat::lives() const {
  std::ifstream file(fmt::format("/proc/{}/stat", process.load()));
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');  // then a blank and the state
  return name_end != std::string::npos && text.find_first_of("TtZX", name_end + 2) != name_end + 2;
}

HeartbeatTable::HeartbeatTable(const Communicator& comm, bool shared)
    : ranks_(shared ? comm.ranks_of_node(comm.node()) : std::vector{comm.rank()}),
      own_(shared ? static_cast<std::size_t>(comm.rank_on_node()) : 0) {
  const auto first = static_cast<std::size_t>(ranks_.front());
  const std::string own_name = fmt::format("moeperf-{}-{:.9f}", ::getpid(), now_s());
  int file = own_ == 0 ? ::memfd_create(own_name.c_str(), MFD_CLOEXEC) : -1;
  const std::string path = comm.all_gather(fmt::format("/proc/{}/fd/{}", ::getpid(), file))[first];
  const std::string name = comm.all_gather(own_name)[first];
  // The path is another file where the ranks see different processes.
  std::error_code error;
  const bool is_it = std::filesystem::read_symlink(path, error).string().find(name) != std::string::npos;
  if (own_ != 0 && is_it) file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const std::size_t bytes = ranks_.size() * sizeof(Heartbeat);
  void* memory = MAP_FAILED;
  if (file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes)) == 0)
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory != MAP_FAILED) {
    lines_ = std::shared_ptr<Heartbeat>(static_cast<Heartbeat*>(memory), [bytes](void* m) { ::munmap(m, bytes); });
    new (&(*this)[own_]) Heartbeat;
  }
  const std::string failure = fmt::format(
      "rank {} on {} cannot share the memory of rank {}, {}, as where processes do not see each other's; without "
      "limits (--time-limit 0 --prepare-limit 0) that is not needed",
      comm.rank(), host_name(), first, path);
  const auto reason = comm.first_reason(lines_ ? "" : failure);  // now all have opened it
  if (file >= 0) ::close(file);
  if (reason) throw UserError(*reason);
}

}  // namespace moeperf
