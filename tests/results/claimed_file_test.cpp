#include "results/claimed_file.hpp"

#include "kernels/base/error.hpp"
#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/child.hpp"
#include "tests/results/example_report.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

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
    const ClaimedFile output("report", path, force, bytes);
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
    ClaimedFile output("report", path, false, 1000);
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

TEST_CASE(
    "what is no regular file is refused, even by force, before anything is written: device, FIFO, folder, links") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  const fs::path real = folder / "real.h5";
  write(real, "precious");
  const std::map<std::string, std::function<void(const fs::path&)>> kinds{
      {"is a FIFO", [](const fs::path& at) { REQUIRE(::mkfifo(at.c_str(), 0600) == 0); }},
      {"is a folder", [](const fs::path& at) { fs::create_directory(at); }},
      {"is a socket",
       [](const fs::path& at) {
         sockaddr_un address{};
         address.sun_family = AF_UNIX;
         REQUIRE(at.native().size() < sizeof(address.sun_path));
         std::copy(at.native().begin(), at.native().end(), address.sun_path);
         const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
         REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
         ::close(fd);
       }},
      {"is a symbolic link", [](const fs::path& at) { fs::create_symlink("nowhere", at); }},
      {"is a symbolic link ", [&](const fs::path& at) { fs::create_symlink(real, at); }}};
  for (const auto& [kind, make] : kinds) {
    for (const std::string suffix : {"", ".part"}) {
      INFO(kind << " at report.h5" << suffix);
      make(path.string() + suffix);
      const auto type = fs::symlink_status(path.string() + suffix).type();
      for (const bool force : {false, true}) {
        const std::string said = refusal(path, force);
        CHECK(contains(said, kind.substr(0, kind.find_last_not_of(' ') + 1)));
        CHECK(contains(said, suffix.empty() ? "accepted: the name of a new or a regular file" : ".part'"));
      }
      CHECK(fs::symlink_status(path.string() + suffix).type() == type);
      fs::remove(path.string() + suffix);
      CHECK(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()) == 1);
    }
  }
  CHECK(contains(refusal("/dev/null", true), "is a device"));
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(contains(refusal("/dev/stdout", true), "is a symbolic link"));
  CHECK_FALSE(refusal("", true).empty());
  CHECK(text_of(real) == "precious");
}

TEST_CASE("the names beside a file are not followed elsewhere if they are links") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5", real = folder / "real.txt";
  write(real, "precious");
  fs::create_symlink(real, path.string() + ".part.lock");
  CHECK_FALSE(refusal(path, true).empty());
  fs::remove(path.string() + ".part.lock");
  fs::create_symlink(real, path.string() + ".part.spare");
  { ReportWriter(path, false, example_report().header(), 0); }
  CHECK(text_of(real) == "precious");
}

TEST_CASE("that a name is taken can be told from other refusals, so that another can be tried") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  REQUIRE_THROWS_AS(ClaimedFile("report", folder / "no/such", false, 0), UserError);
  {
    const ClaimedFile first("report", path, false, 0);
    REQUIRE_THROWS_AS(ClaimedFile("report", path, false, 0), NameTaken);
  }
  write(path, "precious");
  REQUIRE_THROWS_AS(ClaimedFile("report", path, false, 0), NameTaken);
  fs::remove(path);
  write(path.string() + ".part", "half");
  REQUIRE_THROWS_AS(ClaimedFile("report", path, false, 0), NameTaken);
  try {
    const ClaimedFile nowhere("report", folder / "no/such", false, 0);
  } catch (const NameTaken&) {
    FAIL("a folder that is not there is no name that is taken");
  } catch (const UserError&) {
  }
}

TEST_CASE("what exists is replaced only when forced") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  write(path, "precious");
  REQUIRE(contains(refusal(path), "--force"));
  ClaimedFile output("report", path, true, 0);
  write(output.part(), "new");
  REQUIRE(text_of(path) == "precious");
  output.publish();
  REQUIRE(text_of(path) == "new");
}

TEST_CASE("what a killed process left is kept unless forced") {
  const TemporaryFolder folder;
  const fs::path path = folder / "report.h5";
  const pid_t child = start_child([&] {
    const ClaimedFile output("report", path, false, 0);
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
    ClaimedFile first("report", path, false, 0);
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
  ClaimedFile output("report", path, false, 0);
  write(output.part(), "new");
  write(path, "precious");
  REQUIRE_THROWS_AS(output.publish(), Error);
  REQUIRE(text_of(path) == "precious");
  REQUIRE(text_of(output.part()) == "new");
}

}  // namespace
}  // namespace moeperf::test
