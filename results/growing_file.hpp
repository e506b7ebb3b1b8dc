#pragma once

#include "results/hdf5.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>

namespace moeperf {

/// An HDF5 file that grows by steps, each of which happens wholly or not at all, whatever kills the program
/// or fills the disk meanwhile. HDF5 cannot promise that of one file: it changes index blocks in place, one
/// write after another. So there are two copies, the file and FILE.spare, which lacks the last step. A step
/// redoes what the spare lacks, adds itself to it, brings it to disk, and changes it with the file by
/// renaming: everything is written twice, and FILE is at all times a whole, closed, unlocked HDF5 file.
class GrowingFile {
 public:
  /// Adds to an open file. Called up to twice, the second time during the next step: it owns what it needs.
  using Step = std::function<void(hid_t file)>;

  /// Creates the file (an existing one is replaced), with `first` in it; `bytes`: an upper estimate of it.
  GrowingFile(std::filesystem::path path, std::int64_t bytes, const Step& first);
  ~GrowingFile();  ///< removes the spare; the file stays
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  /// Throws Error, with the file as it was, when there is no room for the step or it cannot be written.
  void add(std::int64_t bytes, const Step& step);

 private:
  void refresh_spare();
  void write_spare(const Step& step);
  void swap_with_spare(const Step& step, std::int64_t bytes);

  std::filesystem::path path_, spare_;
  Step lacking_;  ///< what the spare lacks; empty: there is no usable spare
  std::int64_t lacking_bytes_ = 0;
};

}  // namespace moeperf
