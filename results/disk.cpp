#include "results/disk.hpp"

#include "kernels/base/error.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

/// A file descriptor that closes itself.
struct Descriptor {
  int fd;
  Descriptor(const fs::path& path, int flags) : fd(::open(path.c_str(), flags | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

[[noreturn]] void fail(const std::string& what, const fs::path& path, int error) {
  throw Error(fmt::format("{} '{}': {}", what, path.string(), std::strerror(error)));
}

std::int64_t size_of(const Descriptor& file, const fs::path& path) {
  struct stat state {};
  if (file.fd < 0 || fstat(file.fd, &state) != 0) fail("cannot open", path, errno);
  return state.st_size;
}

/// An errno, or 0 where the bytes are there.
int set_aside(int fd, std::int64_t offset, std::int64_t bytes) {
  struct rlimit limit {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      static_cast<rlim_t>(offset + bytes) > limit.rlim_cur) {
    return EFBIG;
  }
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, bytes) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  struct statvfs state {};
  if (fstatvfs(fd, &state) != 0) return 0;
  return static_cast<std::int64_t>(state.f_bavail * state.f_frsize) >= bytes ? 0 : ENOSPC;
}

}  // namespace

void reserve_space(const fs::path& path, std::int64_t bytes) {
  const Descriptor file(path, O_RDWR);
  const std::int64_t size = size_of(file, path);
  if (const int error = set_aside(file.fd, size, bytes)) {
    fail(fmt::format("no room for {} more bytes in", bytes), path, error);
  }
}

void sync_file(const fs::path& path) {
  const Descriptor file(path, O_RDWR);
  const std::int64_t size = size_of(file, path);
  // Cutting a file to its own length frees the blocks beyond; where it does not, they are merely not free yet.
  if (ftruncate(file.fd, size) != 0 || fsync(file.fd) != 0) fail("cannot bring to disk", path, errno);
}

void sync_folder_of(const fs::path& path) {
  const Descriptor folder(path.has_parent_path() ? path.parent_path() : fs::path("."), O_RDONLY | O_DIRECTORY);
  if (folder.fd >= 0) (void)fsync(folder.fd);
}

bool rename_if_absent(const fs::path& path, const fs::path& target) {
  // A hard link refuses to replace what is there; rename would not.
  if (::link(path.c_str(), target.c_str()) == 0) {
    if (::unlink(path.c_str()) != 0) fail("cannot remove the old name", path, errno);
    return true;
  }
  if (errno == EEXIST) return false;
  struct stat state {};
  if (lstat(target.c_str(), &state) == 0) return false;  // a file system without hard links
  if (::rename(path.c_str(), target.c_str()) != 0) fail("cannot rename", path, errno);
  return true;
}

}  // namespace moeperf
