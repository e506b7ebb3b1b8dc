#include "kernels/base/error.hpp"
#include "results/reader.hpp"
#include "results/routing_file.hpp"
#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/child.hpp"
#include "tests/results/example_report.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

/// Adds cases until there is no room; the report must then hold exactly those that were accepted.
void fill(const fs::path& path) {
  const CaseResult big = example_case("big", 500, 16);
  std::vector<CaseResult> accepted;
  ReportWriter writer(path, false, example_report().header(), 1000);
  std::string reason;
  while (reason.empty()) {
    CaseResult next = big;
    next.id = "case" + std::to_string(accepted.size());
    try {
      writer.add_case(next);
      accepted.push_back(next);
    } catch (const Error& error) {
      reason = error.what();
    }
    if (accepted.size() > 1000) throw Error("the disk never filled");
  }
  if (reason.find("no room") == std::string::npos) throw Error("another reason: " + reason);
  if (accepted.empty()) throw Error("not one case was accepted");
  if (read_report(path.string() + ".part").cases != accepted) throw Error("the report lost something");
}

void refuse_routing(const fs::path& path) {
  try {
    const RoutingWriter writer(path, false, {10, 10'000, 64}, 8, true, {});
  } catch (const UserError& error) {
    if (fs::exists(path.string() + ".part")) throw Error("a part is left");
    return;
  }
  throw Error("not refused");
}

/// A limit on the size of a file, for this process only.
void limit_files(rlim_t bytes) {
  const struct rlimit limit { bytes, bytes };
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) throw Error("setrlimit");
}

TEST_CASE("a limit on the size of files costs no case that was accepted") {
  const TemporaryFolder folder;
  REQUIRE(end_of(start_child([&] {
            limit_files(1 << 20);
            fill(folder / "report.h5");
          })).empty());
}

TEST_CASE("a routing file too large for the limit is refused before any work") {
  const TemporaryFolder folder;
  REQUIRE(end_of(start_child([&] {
            limit_files(1 << 20);
            refuse_routing(folder / "routing.h5");
          })).empty());
}

/// Mounts a small file system that only this process sees; false where that is not permitted.
bool mount_small(const fs::path& folder) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("none", folder.c_str(), "tmpfs", 0, "size=2m") == 0;
}

TEST_CASE("a full disk costs no case that was accepted") {
  const TemporaryFolder folder;
  const fs::path disk = folder / "disk";
  fs::create_directory(disk);
  const auto on_small_disk = [&](const std::function<void()>& body) {
    return end_of(start_child([&] {
      if (!mount_small(disk)) ::_exit(77);
      body();
    }));
  };
  if (on_small_disk([] {}) == "status 77") {
    WARN("SKIPPED: no permission to mount a small file system");
    return;
  }
  REQUIRE(on_small_disk([&] { fill(disk / "report.h5"); }).empty());
  REQUIRE(on_small_disk([&] { refuse_routing(disk / "routing.h5"); }).empty());
}

}  // namespace
}  // namespace moeperf::test
