#include "results/growing_file.hpp"

#include "results/disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& path, const char* suffix) { return path.string() + suffix; }

void remove_quietly(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

/// Whatever has that name is replaced, not written to: it might be a link.
void create_empty(const fs::path& path) {
  remove_quietly(path);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) throw Error(fmt::format("cannot create '{}': {}", path.string(), std::strerror(errno)));
  ::close(fd);
}

}  // namespace

GrowingFile::GrowingFile(fs::path path, std::int64_t bytes, const Step& first)
    : path_(std::move(path)), spare_(with_suffix(path_, ".spare")) {
  try {
    create_empty(spare_);
    reserve_space(spare_, bytes);
    auto file = hdf5::create_file(spare_.string());
    first(file);
    hdf5::close_file(std::move(file));
    sync_file(spare_);
    fs::rename(spare_, path_);
  } catch (...) {
    remove_quietly(spare_);
    throw;
  }
  sync_folder_of(path_);
}

GrowingFile::~GrowingFile() { remove_quietly(spare_); }

void GrowingFile::add(std::int64_t bytes, const Step& step) {
  try {
    if (!lacking_) refresh_spare();
    reserve_space(spare_, bytes + lacking_bytes_);
    write_spare(step);
    swap_with_spare(step, bytes);
  } catch (const std::exception& error) {
    throw Error(fmt::format("{}; '{}' holds everything up to then", error.what(), path_.string()));
  }
}

void GrowingFile::refresh_spare() {
  fs::copy_file(path_, spare_, fs::copy_options::overwrite_existing);
  lacking_ = [](hid_t) {};
  lacking_bytes_ = 0;
}

void GrowingFile::write_spare(const Step& step) {
  try {
    auto file = hdf5::open_file(spare_.string(), true);
    lacking_(file);
    step(file);
    hdf5::close_file(std::move(file));
    sync_file(spare_);
  } catch (...) {
    lacking_ = nullptr;
    remove_quietly(spare_);
    throw;
  }
}

void GrowingFile::swap_with_spare(const Step& step, std::int64_t bytes) {
  const fs::path old = with_suffix(path_, ".old");
  remove_quietly(old);
  // Without hard links the old file is replaced, and the next step starts with a copy.
  const bool kept = ::link(path_.c_str(), old.c_str()) == 0;
  lacking_ = nullptr;
  fs::rename(spare_, path_);
  sync_folder_of(path_);
  if (kept && ::rename(old.c_str(), spare_.c_str()) == 0) {
    lacking_ = step;
    lacking_bytes_ = bytes;
  }
}

}  // namespace moeperf
