#include "results/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace moeperf {
namespace {

std::string holder(int fd) {
  std::array<char, 256> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "another process";
}

void sign(int fd) {
  std::array<char, 128> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string text = fmt::format("process {} on {}", ::getpid(), host.data());
  // Only for the other's message: a full disk is for the report itself to find.
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) return;
}

bool is_regular(int fd) {
  struct stat file {};
  return ::fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

/// Whether the name still leads to the open file: the holder before may have removed it meanwhile.
bool is_current(int fd, const std::filesystem::path& path) {
  struct stat open_file {
  }, named_file{};
  return ::fstat(fd, &open_file) == 0 && ::stat(path.c_str(), &named_file) == 0 &&
         open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

}  // namespace

FileLock::FileLock(std::filesystem::path path) : path_(std::move(path)) {
  for (;;) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) throw Error(fmt::format("cannot create '{}': {}", path_.string(), std::strerror(errno)));
    if (!is_regular(fd_)) {
      ::close(fd_);
      throw Error(fmt::format("'{}' is no regular file", path_.string()));
    }
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      const std::string other = holder(fd_);
      ::close(fd_);
      throw LockHeld(fmt::format("{} is writing it", other));
    }
    if (is_current(fd_, path_)) break;
    ::close(fd_);
  }
  sign(fd_);
}

FileLock::~FileLock() {
  ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace moeperf
