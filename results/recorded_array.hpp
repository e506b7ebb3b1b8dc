#pragma once

#include "results/hdf5.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace moeperf {

/// How a user names the order of a recording's dimensions, where its file does not.
struct LayoutRequest {
  std::string layout;       ///< such as "token,layer,k"; empty: the file says
  std::int64_t layer = -1;  ///< which one to read where there are several; -1: not said
  std::string layout_option = "--layout", layer_option = "--layer";  ///< what the user calls the two
};

/// The layout that `moeperf route` writes.
constexpr const char* own_layout = "step,token,k";

/// A dataset of rows, one per token, seen as [S,T,width] whatever the order of its dimensions: "token", and if wanted
/// "step" and "layer" in any order, then the row. With one dimension beside the row that is the token; with more, the
/// text attribute `layout` of the dataset or of its file, or the user, must say which is which, since shapes do not.
class RecordedArray {
 public:
  /// `row` names the last dimension. Throws UserError with the path where there is no such dataset, it is empty, its
  /// layout is not known, said in two ways or not that of its shape, or the layer is not one of it.
  RecordedArray(const std::filesystem::path& path, hid_t file, const std::string& name, const std::string& row,
                const LayoutRequest& request);

  std::int64_t num_steps() const { return num_steps_; }
  std::int64_t num_tokens() const { return num_tokens_; }
  std::int64_t width() const { return width_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }  ///< as it stands in the file
  hid_t dataset() const { return dataset_; }

  /// Rows of consecutive tokens of one step, as selections to read with: in a dataset of this shape, and in memory.
  struct Selection {
    hdf5::Handle in_file, in_memory;
  };
  Selection rows(hid_t dataset, std::int64_t step, std::int64_t first_token, std::int64_t num_tokens) const;

 private:
  std::vector<std::int64_t> shape_;
  std::vector<std::string> dimensions_;  // a name for each extent of shape_
  hdf5::Handle dataset_;
  std::int64_t layer_ = 0;
  std::int64_t num_steps_ = 1, num_tokens_ = 0, width_ = 0;
};

}  // namespace moeperf
