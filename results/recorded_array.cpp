#include "results/recorded_array.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

/// All orders of so many dimensions, as texts.
std::vector<std::string> layouts_of(std::size_t num_dimensions, const std::string& row) {
  if (num_dimensions == 2) return {"token," + row};
  if (num_dimensions == 3)
    return {"step,token," + row, "token,step," + row, "layer,token," + row, "token,layer," + row};
  return {"step,layer,token," + row, "step,token,layer," + row, "layer,step,token," + row,
          "layer,token,step," + row, "token,step,layer," + row, "token,layer,step," + row};
}

/// The attribute `layout`, of the dataset or else of the file; empty where there is none.
std::string layout_in(hid_t file, hid_t dataset) {
  for (const hid_t object : {dataset, file}) {
    if (hdf5::has_attribute(object, "layout")) return hdf5::read_text_attribute(object, "layout");
  }
  return "";
}

std::string without_spaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

std::vector<std::string> split(const std::string& layout) {
  std::vector<std::string> names;
  std::istringstream parts(layout);
  for (std::string name; std::getline(parts, name, ',');) names.push_back(name);
  return names;
}

}  // namespace

RecordedArray::RecordedArray(const std::filesystem::path& path, hid_t file, const std::string& name,
                             const std::string& row, const LayoutRequest& request) {
  const auto require = [&](bool holds, const std::string& found, const std::string& accepted) {
    if (!holds) throw UserError(fmt::format("{}: {}; accepted: {}", path.string(), found, accepted));
  };
  require(
      hdf5::exists(file, name), fmt::format("no dataset '{}'", name),
      fmt::format("an HDF5 file with a dataset '{}', shaped [tokens, {}s] or with steps or layers beside the tokens",
                  name, row));
  dataset_ = hdf5::open_dataset(file, name);
  shape_ = hdf5::shape_of(dataset_);
  require(shape_.size() >= 2 && shape_.size() <= 4, fmt::format("'{}' has {} dimensions", name, shape_.size()),
          fmt::format("2 to 4: token and {}, if wanted step and layer", row));
  const std::string shaped = fmt::format("'{}' is shaped [{}]", name, fmt::join(shape_, ", "));
  require(std::find(shape_.begin(), shape_.end(), 0) == shape_.end(), shaped + ", which is empty",
          "at least one of each");

  const std::vector<std::string> fitting = layouts_of(shape_.size(), row);
  const std::string choices = fmt::format("{}", fmt::join(fitting, " | "));
  const std::string said = without_spaces(layout_in(file, dataset_)), asked = without_spaces(request.layout);
  require(said.empty() || asked.empty() || said == asked,
          fmt::format("{} is '{}', the file's attribute layout says '{}'", request.layout_option, asked, said),
          "the same, or one of them");
  std::string layout = asked.empty() ? said : asked;
  if (layout.empty() && fitting.size() == 1) layout = fitting[0];
  require(
      !layout.empty(), shaped + ", which fits several layouts, and nothing says which it is",
      fmt::format("{}, as {} or as the attribute layout of the dataset or the file", choices, request.layout_option));
  require(std::find(fitting.begin(), fitting.end(), layout) != fitting.end(),
          fmt::format("{}, the layout is '{}'", shaped, layout), choices);

  dimensions_ = split(layout);
  bool has_layers = false;
  for (std::size_t i = 0; i < shape_.size(); ++i) {
    if (dimensions_[i] == "step") num_steps_ = shape_[i];
    if (dimensions_[i] == "token") num_tokens_ = shape_[i];
    if (dimensions_[i] != "layer") continue;
    has_layers = true;
    layer_ = shape_[i] == 1 && request.layer < 0 ? 0 : request.layer;
    require(layer_ >= 0 && layer_ < shape_[i],
            fmt::format("'{}' has {} layers and {} says {}", name, shape_[i], request.layer_option,
                        request.layer < 0 ? "none" : std::to_string(request.layer)),
            fmt::format("0 to {}", shape_[i] - 1));
  }
  require(has_layers || request.layer < 0,
          fmt::format("{} is {} and the layout of '{}' is '{}'", request.layer_option, request.layer, name, layout),
          "a layer only where the layout has layers");
  width_ = shape_.back();
}

RecordedArray::Selection RecordedArray::rows(hid_t dataset, std::int64_t step, std::int64_t first_token,
                                             std::int64_t num_tokens) const {
  std::vector<hsize_t> offset, count;
  for (const std::string& dimension : dimensions_) {
    const bool is_token = dimension == "token", is_row = &dimension == &dimensions_.back();
    const std::int64_t first = is_token ? first_token : is_row ? 0 : dimension == "step" ? step : layer_;
    offset.push_back(static_cast<hsize_t>(first));
    count.push_back(static_cast<hsize_t>(is_token ? num_tokens : is_row ? width_ : 1));
  }
  Selection selection;
  selection.in_file = hdf5::select_box(dataset, offset, count);
  selection.in_memory =
      hdf5::Handle(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), "H5Screate_simple");
  return selection;
}

}  // namespace moeperf
