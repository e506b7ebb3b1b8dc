#include "kernels/settings.hpp"

#include "kernels/base/error.hpp"
#include "tests/catch.hpp"

#include <cmath>

using namespace moeperf;

namespace {

enum class Colour : std::uint8_t { red, green };

const std::vector<Setting> described{integer_setting("count", "how many", 4, at_least(1)),
                                     real_setting("rate", "how fast", 0.5, at_least(0)),
                                     flag_setting("loud", "whether", false), text_setting("note", "what", "none"),
                                     choice_setting("colour", "which", "red", {"red", "green"})};

std::string why_not(std::size_t setting, const SettingValue& value) {
  return why_not_accepted(described[setting], value).value_or("");
}

}  // namespace

TEST_CASE("settings have what was given, else their defaults, in the order described") {
  const Settings settings(described, {{"rate", 2}, {"colour", "green"}});
  CHECK(settings.integer("count") == 4);
  CHECK(settings.real("rate") == 2.0);  // an integer will do for a real
  CHECK_FALSE(settings.flag("loud"));
  CHECK(settings.text("note") == "none");
  CHECK(settings.choice<Colour>("colour") == Colour::green);
  REQUIRE(settings.all().size() == 5);
  CHECK(settings.all()[1].first.name == "rate");
  CHECK(settings.all()[1].second == SettingValue(2.0));
  CHECK_THROWS_AS(settings.real("count"), Error);
  CHECK_THROWS_AS(settings.flag("quiet"), Error);
  CHECK_THROWS_AS(settings.choice<Colour>("note"), Error);
  CHECK_THROWS_AS(Settings(described, {{"quiet", true}}), Error);
  CHECK_THROWS_AS(Settings(described, {{"count", 0}}), Error);
  CHECK_THROWS_AS(Settings(described, {{"count", "four"}}), Error);
}

TEST_CASE("a value that a setting cannot have is named with what is accepted") {
  CHECK(why_not(0, 1).empty());
  CHECK(why_not(0, 0) == "0 given; accepted: an integer of at least 1");
  CHECK(why_not(0, 1.5) == "1.5 given; accepted: an integer of at least 1");
  CHECK(why_not(1, -1) == "-1 given; accepted: a finite number, 0 or more");
  CHECK(why_not(1, std::nan("")) == "nan given; accepted: a finite number, 0 or more");
  CHECK(why_not(2, 1) == "1 given; accepted: true | false");
  CHECK(why_not(4, "blue") == "'blue' given; accepted: red | green");
  const Setting share = real_setting("share", "", 0.5, {.least = 0, .most = 1, .least_excluded = true});
  CHECK(why_not_accepted(share, 0.0) == "0 given; accepted: above 0, up to 1");
  CHECK_FALSE(why_not_accepted(share, 1));
  const Setting inside =
      real_setting("inside", "", 0.5, {.least = 0, .most = 1, .least_excluded = true, .most_excluded = true});
  CHECK(why_not_accepted(inside, 1) == "1 given; accepted: between 0 and 1");
  const Setting length = integer_setting("length", "", 8, {.least = 1, .most = 1 << 29});
  CHECK(why_not_accepted(length, (1 << 29) + 1) == "536870913 given; accepted: 1 to 536870912");
  CHECK_FALSE(why_not_accepted(length, 1 << 29));
}

TEST_CASE("a value on the command line is read whole, in the setting's type") {
  CHECK(parse_setting(described[0], "12") == SettingValue(12));
  CHECK_FALSE(parse_setting(described[0], "12.5"));
  CHECK_FALSE(parse_setting(described[0], "99999999999999999999"));
  CHECK(parse_setting(described[1], "1e-3") == SettingValue(0.001));
  CHECK(parse_setting(described[1], "2") == SettingValue(2.0));
  CHECK_FALSE(parse_setting(described[1], "2x"));
  CHECK(parse_setting(described[2], "true") == SettingValue(true));
  CHECK_FALSE(parse_setting(described[2], "yes"));
  CHECK(parse_setting(described[3], "some text") == SettingValue("some text"));
}
