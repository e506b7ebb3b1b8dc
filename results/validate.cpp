#include "results/validate.hpp"

#include "results/digest.hpp"
#include "results/file_difference.hpp"
#include "results/reader.hpp"
#include "results/writer.hpp"

namespace moeperf {
namespace {

using Found = std::vector<std::string>;

void check_digest(hid_t group, const std::string& place, Found& found) {
  if (!hdf5::has_attribute(group, digest_attribute)) {
    found.push_back(place + "@digest is missing");
  } else if (hdf5::read_text_attribute(group, digest_attribute) != digest_of(group)) {
    found.push_back(place + " was changed after it was written: its digest is another");
  }
}

void check_digests(hid_t file, Found& found) {
  check_digest(hdf5::open_group(file, "axes"), "/axes", found);
  for (const std::string parent : {"launches", "cases", "balancing"}) {
    const auto groups = hdf5::open_group(file, parent);
    for (const std::string& name : hdf5::members(groups))
      check_digest(hdf5::open_group(groups, name), "/" + parent + "/" + name, found);
  }
}

}  // namespace

std::vector<std::string> validate(const std::filesystem::path& path, const std::filesystem::path& scratch) {
  const Report report = read_report(path);
  Found found;
  const auto file = hdf5::open_file(path.string(), false);
  check_digests(file, found);
  for (std::string& one : implausibilities(report)) found.push_back(std::move(one));
  write_whole(report, scratch, true);
  const auto again = hdf5::open_file(scratch.string(), false);
  for (std::string& one : differences(file, again)) found.push_back(std::move(one));
  return found;
}

}  // namespace moeperf
