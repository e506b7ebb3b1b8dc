#include "harness/watch.hpp"

#include "harness/clock.hpp"
#include "tests/catch.hpp"

#include <chrono>
#include <future>
#include <thread>

namespace moeperf {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a watch says in which step of which case a rank is, and numbers the steps") {
  Watch watch;
  REQUIRE_FALSE(watch.view().inside);
  watch.start_case("tiny");
  watch.enter(Step::prepare);
  const Watch::View first = watch.view();
  REQUIRE(first.inside);
  REQUIRE(contains(first.place, "case tiny: preparation"));
  watch.name_parts({"dispatch", "base"});
  watch.enter(Step::align, 1, 41);
  REQUIRE(watch.view().place == "case tiny: start of part base, sample 42");
  watch.enter(Step::run, 0, 2, true);
  const Watch::View run = watch.view();
  REQUIRE(run.place == "case tiny: part dispatch, warm-up sample 3");
  REQUIRE(run.sequence == first.sequence + 2);
  REQUIRE(run.step == Step::run);
  REQUIRE(run.start_s >= first.start_s);
  REQUIRE(run.start_s <= now_s());
  watch.leave();
  REQUIRE_FALSE(watch.view().inside);
  REQUIRE(watch.view().sequence > run.sequence);
  REQUIRE(contains(watch.view().place, "outside"));
}

TEST_CASE("parts without a name go by their number, and names beyond a kilobyte are cut") {
  Watch watch;
  watch.start_case(std::string(300, 'c'));
  watch.enter(Step::run, 7);
  REQUIRE(contains(watch.view().place, "part 7, sample 1"));
  watch.name_parts({"first", std::string(2000, 'p'), "beyond"});
  watch.enter(Step::run, 0);
  REQUIRE(contains(watch.view().place, "part first, sample 1"));
  watch.enter(Step::run, 1);
  const std::string place = watch.view().place;
  REQUIRE(contains(place, std::string(300, 'c').append(": part ppp")));
  REQUIRE(place.size() < 1100);
  watch.enter(Step::run, 2);
  REQUIRE(contains(watch.view().place, "part 2, sample 1"));
  watch.leave();
  watch.start_case(std::string(5000, 'c'));
  watch.name_parts({"none"});
  watch.enter(Step::run, 0);
  REQUIRE(contains(watch.view().place, "part 0, sample 1"));
  watch.leave();
  watch.start_case("short");
  watch.enter(Step::prepare);
  REQUIRE(watch.view().place == "case short: preparation");
}

TEST_CASE("a case is left when it ends by an exception") {
  Watch watch;
  auto body = [&] {
    const WatchedCase watched(watch, "tiny");
    watch.enter(Step::run);
    throw 1;
  };
  REQUIRE_THROWS(body());
  REQUIRE_FALSE(watch.view().inside);
}

TEST_CASE("a watch can be seized only inside of a step, and then holds who wants to leave it") {
  auto watch = std::make_shared<Watch>();
  auto written = std::make_shared<int>(0);
  REQUIRE_FALSE(watch->seize());
  std::promise<void> entered, seized;
  auto left = std::make_shared<std::atomic<bool>>(false);
  std::thread([&entered, go_on = seized.get_future().share(), watch, written, left] {
    *written = 7;
    watch->enter(Step::run);
    entered.set_value();
    go_on.wait();
    watch->leave();
    *left = true;
  }).detach();  // it never ends: that is what is tested
  entered.get_future().wait();
  REQUIRE(watch->seize());
  REQUIRE(*written == 7);
  REQUIRE(watch->view().inside);
  seized.set_value();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  REQUIRE_FALSE(*left);
}

}  // namespace
}  // namespace moeperf
