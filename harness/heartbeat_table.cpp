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
namespace {

/// The path by which another process of the node finds this memory, a blank and its name: the path alone may be another
/// file for one that sees other processes.
std::string make(int& file, std::size_t bytes) {
  const std::string name = fmt::format("moeperf-{}-{:.9f}", ::getpid(), now_s());
  file = ::memfd_create(name.c_str(), MFD_CLOEXEC);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes)) != 0) return "";
  return fmt::format("/proc/{}/fd/{} {}", ::getpid(), file, name);
}

int open(const std::string& address) {
  const std::string path = address.substr(0, address.find(' ')), name = address.substr(address.find(' ') + 1);
  std::error_code error;
  const std::string found = std::filesystem::read_symlink(path, error).string();  // "/memfd:NAME (deleted)"
  errno = error ? error.value() : ESTALE;
  return found.find(name) == std::string::npos ? -1 : ::open(path.c_str(), O_RDWR | O_CLOEXEC);
}

}  // namespace

bool Heartbeat::lives() const {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');  // then a blank and the state
  return name_end != std::string::npos && text.find_first_of("TtZX", name_end + 2) != name_end + 2;
}

HeartbeatTable::HeartbeatTable(const Communicator& comm, bool shared) : ranks_{comm.rank()} {
  if (shared) {
    ranks_ = comm.ranks_of_node(comm.node());
    own_idx_ = static_cast<std::size_t>(comm.rank_on_node());
  }
  const std::size_t bytes = ranks_.size() * sizeof(Heartbeat);
  std::string failure, own_address;
  const auto need = [&](bool success) {
    if (success || !failure.empty()) return success;
    failure = fmt::format("rank {} on {} cannot share memory for heartbeats with rank {}: {}", comm.rank(), host_name(),
                          ranks_.front(), std::strerror(errno));
    return false;
  };
  int file = -1;
  if (own_idx_ == 0) need(!(own_address = make(file, bytes)).empty());
  const std::string address = comm.all_gather(own_address)[static_cast<std::size_t>(ranks_.front())];
  if (own_idx_ != 0) need((file = open(address)) >= 0);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (need(memory != MAP_FAILED)) {
    lines_ = std::shared_ptr<Heartbeat>(static_cast<Heartbeat*>(memory), [bytes](void* m) { ::munmap(m, bytes); });
    new (&own()) Heartbeat(::getpid());
  }
  const auto reason = comm.first_reason(failure);  // now all have opened it
  if (file >= 0) ::close(file);
  if (reason) throw UserError(*reason + "; without limits (--time-limit 0 --prepare-limit 0) that is not needed");
}

}  // namespace moeperf
