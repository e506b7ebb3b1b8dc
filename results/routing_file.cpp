#include "results/routing_file.hpp"

#include "results/disk.hpp"

#include <fmt/format.h>

#include <system_error>

namespace moeperf {
namespace {

struct DatasetPlan {
  const char* name;
  hid_t type;
  std::vector<std::int64_t> shape;
  hdf5::Handle RoutingDatasets::*handle;
};

std::vector<DatasetPlan> plan_of(const LogitsShape& shape, std::int64_t k, bool with_aux_loss) {
  const std::int64_t steps = shape.num_steps, tokens = shape.num_tokens, experts = shape.num_experts;
  const hid_t int32 = hdf5::type_of(std::int32_t{}), int64 = hdf5::type_of(std::int64_t{});
  const hid_t float32 = hdf5::type_of(float{}), float64 = hdf5::type_of(double{});
  std::vector<DatasetPlan> plan = {
      {"indices", int32, {steps, tokens, k}, &RoutingDatasets::indices},
      {"weights", float32, {steps, tokens, k}, &RoutingDatasets::weights},
      {"tokens_per_expert", int64, {steps, experts}, &RoutingDatasets::tokens_per_expert},
      {"dropped_per_expert", int64, {steps, experts}, &RoutingDatasets::dropped_per_expert},
      {"bias", float32, {steps, experts}, &RoutingDatasets::bias},
      {"maxvio", float64, {steps}, &RoutingDatasets::maxvio},
  };
  if (with_aux_loss) {
    plan.push_back({"aux_loss", float64, {steps}, &RoutingDatasets::aux_loss});
    plan.push_back({"aux_grad", float64, {steps, tokens, experts}, &RoutingDatasets::aux_grad});
  }
  return plan;
}

std::int64_t bytes_of(const std::vector<DatasetPlan>& plan) {
  std::int64_t bytes = 65536;
  for (const DatasetPlan& dataset : plan) bytes += hdf5::stored_bytes(H5Tget_size(dataset.type), dataset.shape);
  return bytes;
}

void write_box(hid_t dataset, hid_t type, const std::vector<hsize_t>& offset, const std::vector<hsize_t>& count,
               const void* data) {
  const hdf5::Handle in_file = hdf5::select_box(dataset, offset, count);
  const hdf5::Handle in_memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                               "H5Screate_simple");
  hdf5::check(H5Dwrite(dataset, type, in_memory, in_file, H5P_DEFAULT, data), "writing the routing");
}

hsize_t last_extent(hid_t dataset) {
  const hdf5::Handle space(H5Dget_space(dataset), "H5Dget_space");
  hsize_t extent[3] = {};
  hdf5::check(H5Sget_simple_extent_dims(space, extent, nullptr), "H5Sget_simple_extent_dims");
  return extent[2];
}

template <class T>
void write_rows(hid_t dataset, std::int64_t step, std::int64_t first_token, std::span<const T> rows) {
  if (rows.empty()) return;
  const hsize_t length = last_extent(dataset);
  write_box(dataset, hdf5::type_of(T{}), {static_cast<hsize_t>(step), static_cast<hsize_t>(first_token), 0},
            {1, rows.size() / length, length}, rows.data());
}

template <class T>
void write_step(hid_t dataset, std::int64_t step, std::span<const T> values) {
  write_box(dataset, hdf5::type_of(T{}), {static_cast<hsize_t>(step), 0}, {1, values.size()}, values.data());
}

void write_number(hid_t dataset, std::int64_t step, double value) {
  write_box(dataset, H5T_NATIVE_DOUBLE, {static_cast<hsize_t>(step)}, {1}, &value);
}

}  // namespace

RoutingWriter::RoutingWriter(std::filesystem::path path, bool force, const LogitsShape& shape, std::int32_t top_k,
                             bool with_aux_loss, const std::vector<Attribute>& attributes)
    : output_("routing", path, force, bytes_of(plan_of(shape, top_k, with_aux_loss))) {
  try {
    const std::vector<DatasetPlan> plan = plan_of(shape, top_k, with_aux_loss);
    file_ = hdf5::create_file(output_.part().string());
    reserve_space(output_.part(), bytes_of(plan));
    for (const auto& [name, value] : attributes) {
      std::visit([&](const auto& v) { hdf5::write_attribute(file_, name, v); }, value);
    }
    for (const DatasetPlan& dataset : plan) {
      datasets_.*dataset.handle = hdf5::create_dataset(file_, dataset.name, dataset.type, dataset.shape);
    }
  } catch (const std::exception& error) {
    discard();
    throw UserError(fmt::format("routing '{}' cannot be written: {}", path.string(), error.what()));
  }
}

RoutingWriter::~RoutingWriter() {
  if (!finished_) discard();
}

void RoutingWriter::discard() {
  // The file closes with what is open in it.
  { hdf5::Handle closing = std::move(file_); }
  std::error_code ignored;
  std::filesystem::remove(output_.part(), ignored);
}

void RoutingWriter::write_indices(std::int64_t step, std::int64_t first_token, std::span<const std::int32_t> indices) {
  write_rows(datasets_.indices, step, first_token, indices);
}

void RoutingWriter::write_weights(std::int64_t step, std::int64_t first_token, std::span<const float> weights) {
  write_rows(datasets_.weights, step, first_token, weights);
}

void RoutingWriter::write_gradient(std::int64_t step, std::int64_t first_token, std::span<const double> gradient) {
  write_rows(datasets_.aux_grad, step, first_token, gradient);
}

void RoutingWriter::write_summary(std::int64_t step, const StepSummary& summary) {
  write_step(datasets_.tokens_per_expert, step, summary.tokens_per_expert);
  write_step(datasets_.dropped_per_expert, step, summary.dropped_per_expert);
  write_step(datasets_.bias, step, summary.bias);
  write_number(datasets_.maxvio, step, summary.maxvio);
  if (datasets_.aux_loss >= 0) write_number(datasets_.aux_loss, step, summary.aux_loss);
}

void RoutingWriter::finish() {
  hdf5::close_file(std::move(file_));
  output_.publish();
  finished_ = true;
}

}  // namespace moeperf
