#include "harness/control_group.hpp"

#include "tests/catch.hpp"

#include <unistd.h>

#include <fstream>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

/// A root folder of the test's own, removed at its end.
class FakeRoot {
 public:
  FakeRoot() : root_(fs::temp_directory_path() / ("moeperf_root_" + std::to_string(getpid()))) {}
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;
  ~FakeRoot() { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  ControlGroups groups() const { return ControlGroups(root_); }

 private:
  fs::path root_;
};

constexpr const char* unlimited = "9223372036854771712\n";  // version 1 for no limit

TEST_CASE("no control groups limit nothing", "[unit]") {
  const FakeRoot root;
  CHECK_FALSE(root.groups().memory_limit_bytes());
  CHECK_FALSE(root.groups().memory_left_bytes());
  CHECK_FALSE(root.groups().cpu_quota());
}

TEST_CASE("the strictest level of version 2 counts, as where Slurm nests a step in a job", "[unit]") {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  root.write("proc/self/mountinfo", "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  root.write("sys/fs/cgroup/slurm/memory.max", "max\n");
  root.write("sys/fs/cgroup/slurm/job_7/memory.max", "4000\n");
  root.write("sys/fs/cgroup/slurm/job_7/memory.current", "1500\n");
  root.write("sys/fs/cgroup/slurm/job_7/memory.stat", "anon 1000\ninactive_file 300\nactive_file 200\n");
  root.write("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
  root.write("sys/fs/cgroup/slurm/job_7/step_0/memory.current", "1000\n");
  root.write("sys/fs/cgroup/slurm/job_7/cpu.max", "150000 100000\n");
  root.write("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
  CHECK(root.groups().memory_limit_bytes() == 4000);
  CHECK(root.groups().memory_left_bytes() == 4000 - (1500 - 300));  // file pages can go
  CHECK(root.groups().cpu_quota() == 1.5);
  // What is left is not a matter of the smallest limit alone.
  root.write("sys/fs/cgroup/slurm/memory.max", "5000\n");
  root.write("sys/fs/cgroup/slurm/memory.current", "4900\n");
  CHECK(root.groups().memory_limit_bytes() == 4000);
  CHECK(root.groups().memory_left_bytes() == 100);
  root.write("sys/fs/cgroup/slurm/job_7/step_0/memory.high", "900\n");
  CHECK(root.groups().memory_limit_bytes() == 900);
  CHECK(root.groups().memory_left_bytes() == 0);  // more is used than that
}

TEST_CASE("every level of version 1 counts, each controller in its own hierarchy", "[unit]") {
  const FakeRoot root;
  root.write("proc/self/cgroup", "4:memory:/slurm/uid_0/job_7\n3:cpu,cpuacct:/batch/a b\n1:name=systemd:/x\n0::/\n");
  root.write("proc/self/mountinfo",
             "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
             "33 31 0:30 / /sys/fs/cgroup/my\\040memory rw shared:1 master:2 - cgroup cgroup rw,memory\n"
             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  root.write("sys/fs/cgroup/my memory/memory.limit_in_bytes", unlimited);
  root.write("sys/fs/cgroup/my memory/slurm/uid_0/memory.limit_in_bytes", "8000\n");
  root.write("sys/fs/cgroup/my memory/slurm/uid_0/memory.usage_in_bytes", "3000\n");
  root.write("sys/fs/cgroup/my memory/slurm/uid_0/memory.stat", "cache 500\ntotal_inactive_file 400\n");
  root.write("sys/fs/cgroup/my memory/slurm/uid_0/job_7/memory.limit_in_bytes", "9000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us", "250000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/batch/a b/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/batch/a b/cpu.cfs_period_us", "100000\n");
  CHECK(root.groups().memory_limit_bytes() == 8000);
  CHECK(root.groups().memory_left_bytes() == 8000 - 2600);
  CHECK(root.groups().cpu_quota() == 2.5);
}

TEST_CASE("a container that sees its group as the root, named as outside, is limited by it", "[unit]") {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/docker/4f\n");
  root.write("proc/self/mountinfo", "25 20 0:22 /docker/4f /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  root.write("sys/fs/cgroup/memory.max", "6000\n");
  CHECK(root.groups().memory_limit_bytes() == 6000);
  // Moved in from outside of its namespace.
  root.write("proc/self/cgroup", "0::/../other\n");
  root.write("proc/self/mountinfo", "25 20 0:22 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  CHECK(root.groups().memory_limit_bytes() == 6000);
}

}  // namespace
}  // namespace moeperf
