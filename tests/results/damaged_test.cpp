#include "kernels/base/error.hpp"
#include "results/hdf5.hpp"
#include "results/logits_file.hpp"
#include "results/reader.hpp"
#include "results/routing_reader.hpp"
#include "tests/catch.hpp"
#include "tests/results/child.hpp"
#include "tests/results/example_report.hpp"
#include "tests/results/foreign_file.hpp"

#include <malloc.h>

#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <sstream>

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

void write_bytes(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// What is said about a report; empty: it is read.
std::string complaint(const fs::path& path) {
  try {
    read_report(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

/// What is said about logits, opening and reading their first token.
std::string logits_complaint(const fs::path& path) {
  try {
    const LogitsReader reader(path);
    std::vector<double> row(static_cast<std::size_t>(reader.shape().num_experts));
    std::uint8_t is_token = 0;
    reader.read(0, 0, row, std::span(&is_token, 1));
    if (reader.has_bias()) read_bias(path, "bias", reader.shape().num_experts);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

/// What is said about a recorded routing.
std::string routing_complaint(const fs::path& path) {
  try {
    read_routing(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

/// What is said about the example report after a change to it.
std::string complaint_after(const std::function<void(hid_t file)>& change) {
  const TemporaryFolder folder;
  write_report(example_report(), folder / "report.h5");
  change(hdf5::open_file((folder / "report.h5").string(), true));
  return complaint(folder / "report.h5");
}

bool says(const std::string& complaint, const std::string& part) {
  INFO(complaint);
  CHECK(complaint.size() < 400);
  return complaint.find(part) != std::string::npos;
}

void remove(hid_t file, const char* path) { hdf5::check(H5Ldelete(file, path, H5P_DEFAULT), path); }

void write_instead(hid_t file, const char* path, const std::vector<std::int64_t>& shape,
                   const std::vector<double>& values) {
  remove(file, path);
  hdf5::write_dataset(file, path, shape, values);
}

/// A dataset that says to hold 2^50 numbers and holds none.
void claim_much(hid_t file, const char* path, hid_t type) {
  const hsize_t shape[] = {hsize_t{1} << 25, hsize_t{1} << 25};
  const hdf5::Handle space(H5Screate_simple(2, shape, nullptr), "space");
  const hdf5::Handle dataset(H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), path);
}

/// Logits that are small, in chunks that say to be large.
void claim_large_chunks(hid_t file) {
  const hsize_t shape[] = {4, 4}, most[] = {H5S_UNLIMITED, 4}, chunk[] = {hsize_t{1} << 25, 4};
  const hdf5::Handle space(H5Screate_simple(2, shape, most), "space");
  const hdf5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), "properties");
  hdf5::check(H5Pset_chunk(properties, 2, chunk), "chunk");
  const hdf5::Handle dataset(H5Dcreate2(file, "logits", H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                             "logits");
}

TEST_CASE("what is no HDF5 file is an error that names it") {
  const TemporaryFolder folder;
  const fs::path path = folder / "file.h5";
  REQUIRE(says(complaint(path), "file.h5"));
  REQUIRE(says(complaint(path.parent_path()), "is no file"));
  for (const std::string content : {"", "text\n", "\211HDF\r\n\032\n"}) {
    write_bytes(path, content);
    REQUIRE(says(complaint(path), "file.h5"));
    REQUIRE(says(logits_complaint(path), "file.h5"));
  }
}

TEST_CASE("a file cut anywhere is an error") {
  const TemporaryFolder folder;
  write_report(example_report(), folder / "report.h5");
  const std::string whole = bytes_of(folder / "report.h5");
  for (std::size_t length = 1; length < whole.size(); length += whole.size() / 37) {
    write_bytes(folder / "report.h5", whole.substr(0, length));
    REQUIRE(says(complaint(folder / "report.h5"), "report.h5"));
  }
}

TEST_CASE("a report whose structure is another says where") {
  const char* samples = "cases/dispatch/samples/bare";
  REQUIRE(says(complaint_after([](hid_t f) { remove(f, "launches/0/config"); }), "/launches/0/config"));
  REQUIRE(says(complaint_after([](hid_t f) { remove(f, "cases/dispatch/work"); }), "/cases/dispatch/work"));
  REQUIRE(says(complaint_after([&](hid_t f) { remove(f, "cases/dispatch/work/bare"); }), "work/bare"));
  REQUIRE(says(complaint_after([&](hid_t f) {
                 write_instead(f, samples, {12, 4, 1}, std::vector<double>(48, 1.0));
               }),
               "/samples/bare"));
  REQUIRE(says(complaint_after([&](hid_t f) { write_instead(f, "launches/0/config", {1}, {1}); }), "/config"));
  REQUIRE(says(complaint_after([&](hid_t f) {
                 write_instead(f, "balancing/loss-free/load", {3, 2}, {1, 2, 3, 4, 5, 6});
               }),
               "/balancing/loss-free/load"));
  REQUIRE(says(complaint_after([](hid_t f) {
                 hdf5::write_attribute(hdf5::open_group(hdf5::open_group(f, "launches"), "0"), "num_ranks",
                                       std::string("four"));
               }),
               "num_ranks"));
  REQUIRE(
      says(complaint_after([](hid_t f) { hdf5::write_attribute(f, "schema_version", std::int64_t{99}); }), "newer"));
}

TEST_CASE("launches, starts and invalid samples that do not fit the samples say where") {
  const auto sizes = [](const std::vector<std::int64_t>& of_launches) {
    return complaint_after([&](hid_t f) {
      remove(f, "cases/dispatch/samples_per_launch");
      const auto count = static_cast<std::int64_t>(of_launches.size());
      hdf5::write_dataset(f, "cases/dispatch/samples_per_launch", {count}, of_launches);
    });
  };
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  REQUIRE(sizes({12}).empty());
  REQUIRE(says(sizes({11}), "/cases/dispatch/samples/dispatch"));
  REQUIRE(says(sizes({6, 6}), "more launches than the report"));
  REQUIRE(says(sizes({13, -1}), "/samples_per_launch"));
  REQUIRE(says(sizes({most, most, 14}), "/samples_per_launch"));
  REQUIRE(says(complaint_after([](hid_t f) { remove(f, "launches/0"); }), "no launch"));
  REQUIRE(says(complaint_after([](hid_t f) {
                 write_instead(f, "cases/dispatch/starts/bare", {4, 12}, std::vector<double>(48, 1.0));
               }),
               "/starts/bare"));
  REQUIRE(says(complaint_after([](hid_t f) {
                 write_instead(f, "cases/dispatch/starts/bare", {12, 4}, std::vector<double>(48, -1.0));
               }),
               "/starts/bare"));
  for (const std::vector<std::int64_t>& numbers : {std::vector<std::int64_t>{2, 12}, {2, -1}, {2}}) {
    REQUIRE(says(complaint_after([&](hid_t f) {
                   const char* path = "cases/dispatch/invalid/bare/sample";
                   remove(f, path);
                   hdf5::write_dataset(f, path, {static_cast<std::int64_t>(numbers.size())}, numbers);
                 }),
                 "/invalid/bare"));
  }
}

TEST_CASE("times that are none are an error, not a median") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {nan, infinity, -1.0}) {
    REQUIRE(says(complaint_after([&](hid_t file) {
                   hdf5::Handle dataset = hdf5::open_dataset(
                       hdf5::open_group(hdf5::open_group(hdf5::open_group(file, "cases"), "dispatch"), "samples"),
                       "bare");
                   std::vector<double> values(48, wrong);
                   hdf5::check(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "");
                 }),
                 "no time"));
  }
}

TEST_CASE("a dataset that claims more than the file holds is refused before anything is allocated") {
  REQUIRE(says(complaint_after([](hid_t f) {
                 remove(f, "balancing/loss-free/load");
                 claim_much(f, "balancing/loss-free/load", H5T_NATIVE_INT64);
               }),
               "/balancing/loss-free/load' claims more"));
  const TemporaryFolder folder;
  const std::string path = (folder / "logits.h5").string();
  hdf5::write_dataset(hdf5::create_file(path), "logits", {1, 2}, std::vector<double>{1, 2});
  REQUIRE(logits_complaint(path).empty());
  claim_much(hdf5::create_file(path), "logits", H5T_NATIVE_DOUBLE);
  REQUIRE(says(logits_complaint(path), "'/logits' claims more"));
  claim_large_chunks(hdf5::create_file(path));
  REQUIRE(says(logits_complaint(path), "'/logits' claims more"));
  {
    const hdf5::Handle file = hdf5::create_file(path);
    claim_much(file, "indices", H5T_NATIVE_UINT8);
    hdf5::write_attribute(file, "num_experts", std::int64_t{4});
    hdf5::write_attribute(file, "top_k", std::int64_t{1} << 25);
  }
  REQUIRE(says(routing_complaint(path), "'/indices' claims more"));
}

TEST_CASE("links to elsewhere, in circles and to other files are refused") {
  REQUIRE(says(complaint_after([](hid_t f) { H5Lcreate_hard(f, "/", f, "cases/round", H5P_DEFAULT, H5P_DEFAULT); }),
               "/cases/round"));
  REQUIRE(says(
      complaint_after([](hid_t f) { H5Lcreate_hard(f, "cases/dispatch", f, "cases/again", H5P_DEFAULT, H5P_DEFAULT); }),
      "another name"));
  REQUIRE(says(complaint_after([](hid_t f) {
                 remove(f, "balancing");
                 H5Lcreate_soft("/balancing", f, "balancing", H5P_DEFAULT, H5P_DEFAULT);
               }),
               "is a link"));
  REQUIRE(says(complaint_after([](hid_t f) {
                 remove(f, "launches/0/environment");
                 H5Lcreate_external("/etc/passwd", "/", f, "launches/0/environment", H5P_DEFAULT, H5P_DEFAULT);
               }),
               "is a link"));
  const TemporaryFolder folder;
  H5Lcreate_external("other.h5", "/logits", hdf5::create_file((folder / "logits.h5").string()), "logits", H5P_DEFAULT,
                     H5P_DEFAULT);
  REQUIRE(says(logits_complaint(folder / "logits.h5"), "is a link"));
}

/// Changes one bit of a number that a file holds.
void flip_bit_of(const fs::path& path, double number) {
  std::string bytes = bytes_of(path);
  const std::string pattern(reinterpret_cast<const char*>(&number), sizeof number);
  const std::size_t place = bytes.find(pattern);
  REQUIRE(place != std::string::npos);
  bytes[place] = static_cast<char>(bytes[place] ^ 1);
  write_bytes(path, bytes);
}

TEST_CASE("a changed bit in the data is found by its checksum, and the message names dataset and file") {
  const TemporaryFolder folder;
  const Report report = example_report();
  write_report(report, folder / "report.h5");
  flip_bit_of(folder / "report.h5", report.cases[2].measurements[1].samples.values[7]);
  const std::string said = complaint(folder / "report.h5");
  REQUIRE(says(said, "report.h5"));
  REQUIRE(says(said, "/cases/dispatch/samples/bare"));
  REQUIRE(says(said, "checksum"));

  const std::vector<double> logits{1.25, 2.5, 3.75, 5.125};
  hdf5::write_dataset(hdf5::create_file((folder / "logits.h5").string()), "logits", {2, 2}, logits);
  REQUIRE(logits_complaint(folder / "logits.h5").empty());
  flip_bit_of(folder / "logits.h5", 5.125);
  REQUIRE(says(logits_complaint(folder / "logits.h5"), "checksum"));
}

/// Bytes changed at random: read or refused, but nothing else.
void survive_changes(const fs::path& path, int trials, const std::function<std::string(const fs::path&)>& read) {
  const std::string whole = bytes_of(path);
  const pid_t child = start_child([&] {
    std::mt19937 random(20'260'101);
    for (int trial = 0; trial < trials; ++trial) {
      std::string bytes = whole;
      const std::size_t span = trial % 2 == 0 ? whole.size() : std::min<std::size_t>(whole.size(), 4096);
      for (int i = 0; i < 1 + trial % 3; ++i) {
        const std::size_t place = random() % span;
        const char values[] = {'\0', '\377', static_cast<char>(random()), static_cast<char>(bytes[place] ^ 4)};
        bytes[place] = values[random() % 4];
      }
      write_bytes(path, bytes);
      read(path);
    }
  });
  REQUIRE(end_of(child).empty());
}

/// The example with many cases: HDF5 keeps large groups in another way than small ones.
void write_large_report(const fs::path& path) {
  Report report = example_report();
  for (int i = 0; i < 12; ++i) report.cases.push_back(example_case("case" + std::to_string(i), 3, 2));
  write_report(report, path);
}

TEST_CASE("bytes changed at random never end in a crash") {
  const TemporaryFolder folder;
  write_large_report(folder / "report.h5");
  survive_changes(folder / "report.h5", 300, complaint);
  {
    const hdf5::Handle file = hdf5::create_file((folder / "logits.h5").string());
    hdf5::write_dataset(file, "logits", {4, 16, 8}, std::vector<float>(512, 0.5F));
    hdf5::write_attribute(file, "layout", std::string("step,token,expert"));
  }
  REQUIRE(logits_complaint(folder / "logits.h5").empty());
  survive_changes(folder / "logits.h5", 600, logits_complaint);
  {
    const hdf5::Handle file = hdf5::create_file((folder / "routing.h5").string());
    hdf5::write_dataset(file, "indices", {4, 16, 2}, std::vector<std::int32_t>(128, 3));
    hdf5::write_dataset(file, "weights", {4, 16, 2}, std::vector<float>(128, 0.5F));
    hdf5::write_attribute(file, "num_experts", std::int64_t{4});
    hdf5::write_attribute(file, "top_k", std::int64_t{2});
    hdf5::write_attribute(file, "layout", std::string(own_layout));
  }
  REQUIRE(routing_complaint(folder / "routing.h5").empty());
  survive_changes(folder / "routing.h5", 600, routing_complaint);
}

TEST_CASE("damage to any block of a report's structure is an error and not a crash") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  write_large_report(path);
  const std::string whole = bytes_of(path);
  for (const std::string signature : {"OHDR", "OCHK", "FRHP", "FHDB", "BTHD", "BTLF"}) {
    const pid_t child = start_child([&] {
      ::mallopt(M_PERTURB, 0xA5);  // memory freed without having been set is noticed at once
      int refused = 0;
      for (std::size_t at = whole.find(signature); at != std::string::npos; at = whole.find(signature, at + 1)) {
        std::string bytes = whole;
        bytes[at + 30] = static_cast<char>(~bytes[at + 30]);
        write_bytes(path, bytes);
        refused += complaint(path).empty() ? 0 : 1;
      }
      // Not all of it need be: the summaries are never read.
      if (refused == 0) throw Error("no damage to " + signature + " was noticed");
    });
    INFO(signature);
    REQUIRE(end_of(child).empty());
  }
}

/// As other programs write it: in the oldest format, which has no checksums on its structure.
void write_as_others(const fs::path& path, bool compressed) {
  const hdf5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "file");
  const hsize_t shape[] = {4, 16, 8}, chunk[] = {1, 4, 8};
  const hdf5::Handle space(H5Screate_simple(3, shape, nullptr), "space");
  const hdf5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), "properties");
  hdf5::check(H5Pset_chunk(properties, 3, chunk), "chunk");
  if (compressed) hdf5::check(H5Pset_deflate(properties, 4), "deflate");
  const hdf5::Handle dataset(H5Dcreate2(file, "logits", H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                             "dataset");
  const std::vector<float> values(512, 0.5F);
  hdf5::check(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "write");
  hdf5::write_attribute(dataset, "layout", std::string("step,token,expert"));
  write_as<std::uint8_t>(file, "mask", H5T_STD_U8LE, H5T_NATIVE_UINT8, {16}, std::vector<std::uint8_t>(16, 1));
  write_as<std::uint16_t>(file, "bias", H5T_STD_U16LE, H5T_NATIVE_UINT16, {8}, std::vector<std::uint16_t>(8, 0x40a0));
  hdf5::write_attribute(hdf5::open_dataset(file, "bias"), "dtype", std::string("bfloat16"));
}

/// A routing in that format, of small integers and half-precision weights.
void write_routing_as_others(const fs::path& path) {
  const hdf5::Handle file = create_foreign_file(path);
  write_as<std::int64_t>(file, "indices", H5T_STD_U8LE, H5T_NATIVE_INT64, {16, 4, 2},
                         std::vector<std::int64_t>(128, 3));
  const hdf5::Handle half = two_byte_float(5, 10, 15);
  write_as<std::uint16_t>(file, "weights", half, half, {16, 4, 2}, std::vector<std::uint16_t>(128, 0x3800));
  hdf5::write_attribute(file, "num_experts", std::int64_t{4});
  hdf5::write_attribute(file, "top_k", std::int64_t{2});
  hdf5::write_attribute(file, "layout", std::string("token,step,k"));
}

/// The oldest format has no checksums: HDF5 1.10 itself reads some bytes beyond a damaged header's block, which harms
/// nothing and which nobody outside the library can see beforehand, but which sanitizers end the process for.
void survive_foreign_changes(const fs::path& path, const std::function<std::string(const fs::path&)>& read) {
#ifdef __SANITIZE_ADDRESS__
  (void)path, (void)read;
  WARN("left out under the sanitizers: HDF5's own reading of damaged files of the oldest format");
#else
  survive_changes(path, 600, read);
#endif
}

TEST_CASE("logits in the oldest format are read, compressed or not, and damaged ones never end in a crash") {
  const TemporaryFolder folder;
  for (const bool compressed : {true, false}) {
    write_as_others(folder / "logits.h5", compressed);
    REQUIRE(logits_complaint(folder / "logits.h5").empty());
  }
  survive_foreign_changes(folder / "logits.h5", logits_complaint);
}

TEST_CASE("a routing in the oldest format is read, and a damaged one never ends in a crash") {
  const TemporaryFolder folder;
  write_routing_as_others(folder / "routing.h5");
  REQUIRE(routing_complaint(folder / "routing.h5").empty());
  survive_foreign_changes(folder / "routing.h5", routing_complaint);
}

}  // namespace
}  // namespace moeperf::test
