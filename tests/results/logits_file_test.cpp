#include "results/logits_file.hpp"

#include "kernels/base/dtype.hpp"
#include "kernels/base/error.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"
#include "tests/results/foreign_file.hpp"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace moeperf::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Block {
  std::vector<double> logits;
  std::vector<std::uint8_t> is_token;
};

Block read(const LogitsReader& reader, std::int64_t step, std::int64_t first_token, std::int64_t num_tokens) {
  Block block;
  block.logits.resize(static_cast<std::size_t>(num_tokens * reader.shape().num_experts));
  block.is_token.resize(static_cast<std::size_t>(num_tokens));
  reader.read(step, first_token, block.logits, block.is_token);
  return block;
}

std::string complaint(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no complaint";
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.size() < 500);
  return text.find(part) != std::string::npos && text.find("accepted: ") != std::string::npos;
}

/// All words of two bytes, as a dataset of one token.
std::vector<double> read_all_words(const std::filesystem::path& path, hid_t file_type, const std::string& dtype) {
  std::vector<std::uint16_t> words(65536);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint16_t>(i);
  {
    const hdf5::Handle file = create_foreign_file(path);
    const hdf5::Handle memory_type(H5Tcopy(file_type), "type");
    hdf5::check(H5Tset_order(memory_type, H5Tget_order(H5T_NATIVE_UINT16)), "order");
    write_as(file, "logits", file_type, memory_type, {1, 65536}, words);
    if (!dtype.empty()) hdf5::write_attribute(hdf5::open_dataset(file, "logits"), "dtype", dtype);
  }
  const hdf5::Handle file = hdf5::open_file(path.string(), false);
  const hdf5::Handle dataset = hdf5::open_dataset(file, "logits");
  const auto format = hdf5::real_format(dataset);
  REQUIRE(format.has_value());
  std::vector<double> values(words.size());
  hdf5::read_reals(dataset, *format, H5S_ALL, H5S_ALL, values);
  return values;
}

bool same(double a, double b) { return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b); }

TEST_CASE("every float16 and bfloat16 is read as the number it stands for, in either byte order and as uint16") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "in.h5";
  for (const H5T_order_t order : {H5T_ORDER_LE, H5T_ORDER_BE}) {
    const std::vector<double> values = read_all_words(path, two_byte_float(8, 7, 127, order), "");
    std::size_t wrong = 0;
    for (std::uint32_t i = 0; i < 65536; ++i) wrong += same(values[i], std::bit_cast<float>(i << 16)) ? 0 : 1;
    CHECK(wrong == 0);
  }
  const std::vector<double> half = read_all_words(path, two_byte_float(5, 10, 15), "");
  CHECK(half[0x3c00] == 1.0);
  CHECK(half[0xc001] == -2.001953125);
  CHECK(half[0x7bff] == 65504.0);
  CHECK(half[0x0001] == std::ldexp(1.0, -24));
  CHECK(half[0x03ff] == 1023 * std::ldexp(1.0, -24));
  CHECK(half[0x0400] == std::ldexp(1.0, -14));
  CHECK((half[0x8000] == 0.0 && std::signbit(half[0x8000])));
  CHECK(half[0xfc00] == -infinity);
  CHECK(std::isnan(half[0x7e00]));
  const auto agree = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
  };
  CHECK(agree(half, read_all_words(path, two_byte_float(5, 10, 15, H5T_ORDER_BE), "")));
  CHECK(agree(half, read_all_words(path, H5T_STD_U16LE, "float16")));
  CHECK(agree(read_all_words(path, two_byte_float(8, 7, 127), ""), read_all_words(path, H5T_STD_U16BE, "bfloat16")));
}

TEST_CASE("elements whose type says no real number are refused with the types that are read") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "in.h5";
  const auto refused = [&](hid_t type, const std::string& dtype) {
    {
      const hdf5::Handle file = create_foreign_file(path);
      write_as<double>(file, "logits", type, H5T_NATIVE_DOUBLE, {1, 2}, {});
      if (!dtype.empty()) hdf5::write_attribute(hdf5::open_dataset(file, "logits"), "dtype", dtype);
    }
    return says(complaint([&] { LogitsReader reader(path); }), "the elements of 'logits' are of another type");
  };
  CHECK(refused(H5T_STD_U16LE, ""));
  CHECK(refused(H5T_STD_U16LE, "half"));
  CHECK(refused(H5T_STD_I16LE, "bfloat16"));
  CHECK(refused(H5T_STD_I32LE, ""));
  CHECK(refused(two_byte_float(6, 9, 31), ""));
  CHECK(refused(H5T_NATIVE_LDOUBLE, ""));
}

TEST_CASE("the mask says which tokens are padding, per step or for all steps, and nothing looks at their logits") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "in.h5";
  const double nan = std::nan("");
  const std::vector<double> logits{1, 2, nan, nan, 3, 4, 5, 6, nan, infinity, 7, -infinity};  // [2,3,2]
  const auto write = [&](hid_t type, const std::vector<std::int64_t>& shape, const std::vector<std::int8_t>& mask) {
    const hdf5::Handle file = create_foreign_file(path);
    write_as(file, "logits", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, {2, 3, 2}, logits);
    hdf5::write_attribute(file, "layout", std::string("step, token, expert"));
    const hdf5::Handle memory_type(H5Tget_class(type) == H5T_ENUM ? H5Tcopy(type) : H5Tcopy(H5T_NATIVE_INT8), "type");
    write_as(file, "mask", type, memory_type, shape, mask);
  };
  const hdf5::Handle boolean(H5Tenum_create(H5T_STD_I8LE), "boolean");
  std::int8_t value = 0;
  H5Tenum_insert(boolean, "FALSE", &value);
  value = 1;
  H5Tenum_insert(boolean, "TRUE", &value);
  for (const hid_t type : {hid_t{boolean}, H5T_STD_U8LE, H5T_STD_I64BE}) {
    write(type, {3}, {1, 0, 1});
    const LogitsReader reader(path);
    CHECK(read(reader, 0, 0, 3).is_token == std::vector<std::uint8_t>{1, 0, 1});
    CHECK(read(reader, 0, 0, 3).logits == std::vector<double>{1, 2, 0, 0, 3, 4});
    CHECK(read(reader, 1, 1, 2).logits == std::vector<double>{0, 0, 7, -infinity});
  }
  write(H5T_STD_U8LE, {2, 3}, {1, 0, 0, 0, 0, 1});
  CHECK(read(LogitsReader(path), 0, 0, 3).is_token == std::vector<std::uint8_t>{1, 0, 0});
  CHECK(read(LogitsReader(path), 1, 0, 3).is_token == std::vector<std::uint8_t>{0, 0, 1});
  write(H5T_STD_U8LE, {2, 3}, {1, 1, 0, 0, 0, 1});
  CHECK(says(complaint([&] { read(LogitsReader(path), 0, 0, 3); }), "logits[step 0, token 1, expert 0] is nan"));
  write(H5T_STD_U8LE, {3}, {1, 0, 2});
  CHECK(says(complaint([&] { read(LogitsReader(path), 1, 1, 2); }), "mask[step 1, token 2] is 2"));
  write(H5T_STD_U8LE, {2}, {1, 0});
  CHECK(says(complaint([&] { LogitsReader reader(path); }), "'mask' is shaped [2]; accepted: [3] or [2, 3]"));
  write(H5T_IEEE_F32LE, {3}, {1, 0, 1});
  CHECK(says(complaint([&] { LogitsReader reader(path); }), "'mask' are of another type"));
}

TEST_CASE("a bias has one finite number for each expert, of any type that logits have") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "bias.h5";
  {
    const hdf5::Handle file = create_foreign_file(path);
    hdf5::create_group(file, "gate");
    const hdf5::Handle bfloat16 = two_byte_float(8, 7, 127);
    write_as<std::uint16_t>(file, "gate/bias", bfloat16, bfloat16, {3}, {0x40a0, 0x40a1, 0xc0a0});
    write_as<double>(file, "bias", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, {3}, {5, 5.0 + 1e-12, -5});
    write_as<double>(file, "large", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, {3}, {0, 1e300, 0});
    write_as<double>(file, "wide", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, {1, 3}, {0, 1, 0});
  }
  CHECK(read_bias(path, "gate/bias", 3) == std::vector<float>{5.0f, 5.03125f, -5.0f});
  CHECK(read_bias(path, "bias", 3) == std::vector<float>{5.0f, 5.0f, -5.0f});
  CHECK(says(complaint([&] { read_bias(path, "large", 3); }), "large[expert 1] is 1e+300"));
  CHECK(says(complaint([&] { read_bias(path, "wide", 3); }), "'wide' is shaped [1, 3]"));
  CHECK(says(complaint([&] { read_bias(path, "bias", 4); }), "'bias' is shaped [3]"));
  CHECK(says(complaint([&] { read_bias(path, "none/there", 3); }), "no dataset 'none/there'"));
  CHECK(complaint([&] { read_bias(folder / "none.h5", "bias", 3); }).find("no such file") != std::string::npos);
}

}  // namespace
}  // namespace moeperf::test
