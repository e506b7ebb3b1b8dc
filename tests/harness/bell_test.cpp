#include "harness/bell.hpp"

#include "tests/catch.hpp"
#include "tests/results/child.hpp"

#include <sys/mman.h>

#include <chrono>
#include <new>
#include <thread>

namespace moeperf {
namespace {

TEST_CASE("a bell that was rung before does not keep who waits, one that was not does until its time") {
  Bell bell;
  const double start_s = now_s();
  bell.ring();
  bell.ring();
  bell.wait(start_s + 60);
  REQUIRE(now_s() - start_s < 30);
  const double again_s = now_s();
  bell.wait(again_s + 0.2);
  REQUIRE(now_s() - again_s >= 0.2);
  bell.wait(now_s() - 5);
  bell.wait(-1);
  REQUIRE(now_s() - again_s < 30);
}

TEST_CASE("a bell wakes a thread of another process, which waits for good") {
  void* memory = ::mmap(nullptr, sizeof(Bell), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  Bell& bell = *new (memory) Bell;
  const pid_t child = test::start_child([&] { bell.wait(1e12); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  bell.ring();
  const double start_s = now_s();
  REQUIRE(test::end_of(child).empty());
  REQUIRE(now_s() - start_s < 30);
  ::munmap(memory, sizeof(Bell));
}

}  // namespace
}  // namespace moeperf
