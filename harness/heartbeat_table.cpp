#include "harness/heartbeat_table.hpp"

#include "kernels/base/error.hpp"
#include "kernels/base/host_name.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
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
  const std::string name = fmt::format("moeperf-{}-{:.9f}", ::getpid(), now_s());
  const int made = own_ == 0 ? ::memfd_create(name.c_str(), MFD_CLOEXEC) : -1;
  const std::string path = comm.all_gather(fmt::format("/proc/{}/fd/{}", ::getpid(), made))[first];
  // The path is another file where the ranks see different processes.
  std::error_code error;
  const std::string found = std::filesystem::read_symlink(path, error).string();
  const bool is_it = found.find(comm.all_gather(name)[first]) != std::string::npos;
  errno = error.value();
  const int file = is_it ? ::open(path.c_str(), O_RDWR | O_CLOEXEC) : -1;
  const std::size_t bytes = ranks_.size() * sizeof(Heartbeat);
  void* memory = MAP_FAILED;
  if (file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes)) == 0)
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  std::string failure;
  if (memory == MAP_FAILED) {
    failure = fmt::format(
        "rank {} on {} cannot share memory with rank {} ({}: {}); without limits (--time-limit 0 "
        "--prepare-limit 0) that is not needed",
        comm.rank(), host_name(), first, path, std::strerror(errno));
  } else {
    lines_ = std::shared_ptr<Heartbeat>(static_cast<Heartbeat*>(memory), [bytes](void* m) { ::munmap(m, bytes); });
    new (&(*this)[own_]) Heartbeat;
  }
  const auto reason = comm.first_reason(failure);  // now all have opened it
  for (const int fd : {made, file}) {
    if (fd >= 0) ::close(fd);
  }
  if (reason) throw UserError(*reason);
}

void HeartbeatTable::ring_all() const {
  for (std::size_t place = 0; place < ranks_.size(); ++place) (*this)[place].bell.ring();
}

}  // namespace moeperf
