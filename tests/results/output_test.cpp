#include "results/output.hpp"

#include "kernels/base/error.hpp"
#include "tests/catch.hpp"
#include "tests/results/child.hpp"
#include "tests/results/example_report.hpp"

#include <signal.h>

#include <fstream>

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string text_of(const fs::path& path) {
  std::string text;
  std::ifstream file(path);
  std::getline(file, text);
  return text;
}

/// Why the place cannot be claimed; empty: it can.
std::string refusal(const fs::path& path, bool force = false, std::int64_t bytes = 0) {
  try {
    const Output output("report", path, force, bytes);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a file gets its name when it is whole, and nothing else stays") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  {
    Output output("report", path, false, 1000);
    write(output.part(), "all");
    REQUIRE_FALSE(fs::exists(path));
    output.publish();
  }
  REQUIRE(text_of(path) == "all");
  REQUIRE(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a place that cannot take the file is refused with the reason, and nothing is left there") {
  const TemporaryFolder folder;
  REQUIRE(contains(refusal(folder / "no/such/report.h5"), "no/such' does not exist"));
  REQUIRE(contains(refusal((folder / "x").parent_path()), "is a folder"));
  REQUIRE(contains(refusal(folder / "report.h5", true, std::int64_t{1} << 60), "MB free"));
  REQUIRE(contains(refusal("/proc/report.h5"), "/proc"));
  REQUIRE(fs::is_empty((folder / "x").parent_path()));
}

TEST_CASE("what exists is replaced only when forced") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  write(path, "precious");
  REQUIRE(contains(refusal(path), "--force"));
  Output output("report", path, true, 0);
  write(output.part(), "new");
  REQUIRE(text_of(path) == "precious");
  output.publish();
  REQUIRE(text_of(path) == "new");
}

TEST_CASE("what a killed process left is kept unless forced") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  const pid_t child = start_child([&] {
    const Output output("report", path, false, 0);
    write(output.part(), "half");
    ::raise(SIGKILL);
  });
  REQUIRE(end_of(child) == "signal 9");
  REQUIRE(contains(refusal(path), "left by a run that was killed"));
  REQUIRE(text_of(path.string() + ".part") == "half");
  REQUIRE(refusal(path, true).empty());
}

TEST_CASE("of two writers of one file the second is refused, even by force, and told of the first") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  {
    Output first("report", path, false, 0);
    write(first.part(), "first");
    for (const bool force : {false, true}) {
      const std::string expected = "process " + std::to_string(::getpid()) + " on ";
      REQUIRE(contains(refusal(path, force), expected));
      const pid_t child = start_child([&] {
        if (!contains(refusal(path, force), expected)) throw Error("not refused");
      });
      REQUIRE(end_of(child).empty());
    }
    REQUIRE(text_of(first.part()) == "first");
    first.publish();
  }
  REQUIRE(refusal(path, true).empty());
}

TEST_CASE("a file that appears meanwhile is left alone, and the new one too") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  Output output("report", path, false, 0);
  write(output.part(), "new");
  write(path, "precious");
  REQUIRE_THROWS_AS(output.publish(), Error);
  REQUIRE(text_of(path) == "precious");
  REQUIRE(text_of(output.part()) == "new");
}

}  // namespace
}  // namespace moeperf::test
