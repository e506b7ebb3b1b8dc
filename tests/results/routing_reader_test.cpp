#include "results/routing_reader.hpp"

#include "kernels/base/error.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"
#include "tests/results/foreign_file.hpp"

#include <limits>

namespace moeperf::test {
namespace {

using Indices = std::vector<std::int32_t>;

/// A file of indices, one number after the other.
struct File {
  std::vector<std::int64_t> shape{2, 3, 2};
  std::vector<std::int64_t> indices{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  hid_t type = H5T_STD_I32LE;
  std::string layout, layout_of_dataset;
  std::int64_t top_k = 2;
  bool has_weights = false;
};

void write(const std::filesystem::path& path, const File& given) {
  const hdf5::Handle file = create_foreign_file(path);
  write_as(file, "indices", given.type, H5T_NATIVE_INT64, given.shape, given.indices);
  if (given.has_weights) {
    std::vector<double> weights(given.indices.begin(), given.indices.end());
    write_as(file, "weights", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, given.shape, weights);
  }
  hdf5::write_attribute(file, "num_experts", std::uint64_t{24});
  hdf5::write_attribute(file, "top_k", given.top_k);
  if (!given.layout.empty()) hdf5::write_attribute(file, "layout", given.layout);
  if (!given.layout_of_dataset.empty()) {
    hdf5::write_attribute(hdf5::open_dataset(file, "indices"), "layout", given.layout_of_dataset);
  }
}

std::string complaint(const File& file, const LayoutRequest& request = {}) {
  const TemporaryFolder folder;
  write(folder / "trace.h5", file);
  try {
    read_routing(folder / "trace.h5", request);
  } catch (const UserError& error) {
    CHECK(std::string(error.what()).find("accepted: ") != std::string::npos);
    return error.what();
  }
  return "no complaint";
}

RoutingFile read(const File& file, const LayoutRequest& request = {}) {
  const TemporaryFolder folder;
  write(folder / "trace.h5", file);
  return read_routing(folder / "trace.h5", request);
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.size() < 500);
  return text.find(part) != std::string::npos;
}

TEST_CASE("indices [token, layer, k] are read layer by layer, not as steps, once the layout is named") {
  File file;
  file.has_weights = true;
  for (const bool by_attribute : {true, false}) {
    file.layout = by_attribute ? "token,layer,k" : "";
    const std::string layout = by_attribute ? "" : "token,layer,k";
    const RoutingFile first = read(file, {layout, 0});
    CHECK(first.num_steps == 1);
    CHECK(first.num_tokens == 2);
    CHECK(first.indices == Indices{0, 1, 6, 7});
    CHECK(read(file, {layout, 2}).indices == Indices{4, 5, 10, 11});
    CHECK(read(file, {layout, 2}).weights == std::vector<float>{4, 5, 10, 11});
  }
}

TEST_CASE("a shape that fits several layouts is refused with the choices where nothing names one") {
  const std::string said = complaint({}, {"", -1, "traffic.trace.layout", "traffic.trace.layer"});
  CHECK(says(said, "'indices' is shaped [2, 3, 2], which fits several layouts"));
  CHECK(says(said, "accepted: step,token,k | token,step,k | layer,token,k | token,layer,k, as traffic.trace.layout"));
  File deep;
  deep.shape = {1, 2, 3, 2};
  CHECK(says(complaint(deep), "token,layer,step,k"));
  File flat;
  flat.shape = {6, 2};
  CHECK(read(flat).num_tokens == 6);
}

TEST_CASE("each layout gives its tokens, whichever dimension they stand in") {
  File file;
  file.layout = "step,token,k";
  CHECK(read(file).num_steps == 2);
  CHECK(read(file).indices == Indices{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  file.layout = "token, step, k";
  CHECK(read(file).num_steps == 3);
  CHECK(read(file).indices == Indices{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11});
  file.layout = "layer,token,k";
  CHECK(read(file, {"", 1}).indices == Indices{6, 7, 8, 9, 10, 11});
  file.layout_of_dataset = "token,layer,k";  // the nearer one
  CHECK(read(file, {"", 1}).indices == Indices{2, 3, 8, 9});
  File deep;
  deep.shape = {2, 2, 3, 2};
  deep.layout = "token,layer,step,k";
  deep.indices.clear();
  for (std::int64_t i = 0; i < 24; ++i) deep.indices.push_back(i);
  CHECK(read(deep, {"", 1}).indices == Indices{6, 7, 18, 19, 8, 9, 20, 21, 10, 11, 22, 23});
}

TEST_CASE("a layout that is said twice, is none of the shape's, or lacks its layer is refused") {
  File file;
  file.layout = "token,layer,k";
  CHECK(says(complaint(file, {"step,token,k"}), "--layout is 'step,token,k', the file's attribute layout says"));
  CHECK(says(complaint(file), "'indices' has 3 layers and --layer says none; accepted: 0 to 2"));
  CHECK(says(complaint(file, {"", 3}), "--layer says 3; accepted: 0 to 2"));
  file.layout = "step,token,k";
  CHECK(says(complaint(file, {"", 0}), "--layer is 0 and the layout of 'indices' is 'step,token,k'"));
  for (const std::string wrong :
       {"token,k", "step,layer,token,k", "step,token,expert", "k,token,step", "step,,k", "x"}) {
    file.layout = wrong;
    CHECK(says(complaint(file), "the layout is '" + wrong + "'; accepted: step,token,k |"));
  }
  File single;
  single.shape = {6, 1, 2};
  single.layout = "token,layer,k";
  CHECK(read(single).num_tokens == 6);  // one layer needs no choice
}

TEST_CASE("a layout of variable length is refused with how to write it: damage to one would end in a crash") {
  const TemporaryFolder folder;
  write(folder / "trace.h5", {});
  write_variable_text(hdf5::open_file((folder / "trace.h5").string(), true), "layout", "step,token,k");
  try {
    read_routing(folder / "trace.h5");
    FAIL("read");
  } catch (const UserError& error) {
    CHECK(says(error.what(), "attribute 'layout' of '/' is no fixed-length text (h5py: numpy.bytes_)"));
  }
}

TEST_CASE("indices of any integer type are read alike") {
  File file;
  file.layout = "step,token,k";
  for (const hid_t type : {H5T_STD_I8LE, H5T_STD_U8LE, H5T_STD_I16BE, H5T_STD_U16LE, H5T_STD_I32BE, H5T_STD_U32LE,
                           H5T_STD_I64LE, H5T_STD_I64BE, H5T_STD_U64LE}) {
    file.type = type;
    CHECK(read(file).indices == Indices{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  }
  file.type = H5T_STD_I8LE;
  file.indices[5] = -1;
  CHECK(read(file).indices[5] == -1);
  file.type = H5T_IEEE_F32LE;
  CHECK(says(complaint(file), "the elements of 'indices' are of another type"));
}

TEST_CASE("an index that is no expert is refused with the number in the file and its place") {
  File file;
  file.layout = "step,token,k";
  file.type = H5T_STD_I64LE;
  for (const std::int64_t wrong :
       {std::int64_t{24}, std::int64_t{-2}, std::int64_t{1} << 32, std::numeric_limits<std::int64_t>::min()}) {
    file.indices[9] = wrong;
    CHECK(says(complaint(file), "found expert " + std::to_string(wrong) +
                                    " at indices[step 1, token 1, copy 1]; accepted: 0 to 23, or -1"));
  }
  const TemporaryFolder folder;
  file.indices[9] = 9;
  file.type = H5T_STD_U64LE;
  write(folder / "trace.h5", file);
  {
    const hdf5::Handle opened = hdf5::open_file((folder / "trace.h5").string(), true);
    std::vector<std::uint64_t> all(12, std::numeric_limits<std::uint64_t>::max());
    hdf5::check(
        H5Dwrite(hdf5::open_dataset(opened, "indices"), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()),
        "write");
  }
  try {
    read_routing(folder / "trace.h5");
    FAIL("read");
  } catch (const UserError& error) {
    CHECK(says(error.what(), "found expert 18446744073709551615 at indices[step 0, token 0, copy 0]"));
  }
}

TEST_CASE("wrong ranks, no tokens and other widths of a recording are refused") {
  File file;
  file.shape = {12};
  CHECK(says(complaint(file), "'indices' has 1 dimensions; accepted: 2 to 4"));
  file.shape = {1, 1, 3, 2, 2};
  CHECK(says(complaint(file), "'indices' has 5 dimensions"));
  file.shape = {0, 2};
  file.indices.clear();
  CHECK(says(complaint(file), "'indices' is shaped [0, 2], which is empty"));
  File narrow;
  narrow.shape = {12, 1};
  CHECK(says(complaint(narrow), "'indices' has 1 choices per token, attribute top_k is 2"));
}

}  // namespace
}  // namespace moeperf::test
