#include "kernels/backend.hpp"
#include "kernels/base/buffer.hpp"
#include "kernels/base/philox.hpp"
#include "kernels/routing.hpp"
#include "tests/catch.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

using namespace moeperf;

namespace {

float round_trip(float value) { return static_cast<float>(BFloat16(value)); }

struct Thing {
  virtual ~Thing() = default;
};
using ThingRegistry = Registry<Thing, int>;

ThingRegistry things() {
  ThingRegistry registry("thing");
  auto make = [](const int&) { return std::make_unique<Thing>(); };
  registry.add({"works", "", 1, {}, make, ""});
  registry.add({"fails", "", 9, [](const int&) { return std::optional<std::string>("no such device"); }, make, ""});
  registry.add({"absent", "", 9, {}, {}, "configure with -DTHING=ON"});
  return registry;
}

std::string message_of(const ThingRegistry& registry, std::string_view name) {
  try {
    registry.make(name, 0);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the published known answers") {
  using Counter = Philox::Counter;
  CHECK(Philox::block({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(Philox::block({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == Counter{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(Philox::block({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        Counter{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("unit_variance has mean 0 and variance 1 over all its inputs") {
  double sum = 0, squares = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const double value = unit_variance(bits);
    sum += value;
    squares += value * value;
  }
  CHECK(std::abs(sum / 65536) < 1e-9);
  CHECK(squares / 65536 == test::Approx(1.0).epsilon(1e-3));
}

TEST_CASE("bf16 rounds to nearest, ties to even, and keeps NaN and infinity") {
  CHECK(round_trip(1.0f) == 1.0f);
  CHECK(round_trip(1.0f + 0x1p-8f) == 1.0f);            // a tie, to the even 1
  CHECK(round_trip(1.0f + 0x3p-8f) == 1.0f + 0x1p-6f);  // a tie, to the even neighbour above
  CHECK(round_trip(1.0f + 0x1.01p-8f) == 1.0f + 0x1p-7f);
  CHECK(round_trip(-1.0f - 0x1.01p-8f) == -1.0f - 0x1p-7f);
  CHECK(std::isinf(round_trip(std::numeric_limits<float>::max())));
  CHECK(round_trip(-std::numeric_limits<float>::infinity()) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(round_trip(std::bit_cast<float>(0x7f800001u))));  // its upper half alone would be an infinity
}

TEST_CASE("Unknown, not compiled and unsupported names get three different answers") {
  const ThingRegistry registry = things();
  CHECK(message_of(registry, "wroks") == "unknown thing 'wroks'; known: absent, fails, works");
  CHECK(message_of(registry, "absent") == "thing 'absent' cannot run here: not compiled in: configure with -DTHING=ON");
  CHECK(message_of(registry, "fails") == "thing 'fails' cannot run here: no such device");
  CHECK(registry.make("works", 0) != nullptr);
  CHECK_THROWS_AS(registry.make("wroks", 0), UserError);
  CHECK_THROWS_AS(registry.make("absent", 0), UnsupportedError);
}

TEST_CASE("auto takes the usable entry of the highest priority, and each name comes once") {
  const ThingRegistry registry = things();
  CHECK(registry.resolve({"auto", "fails", "works"}, 0) == std::vector<std::string>{"works", "fails"});
  CHECK(registry.resolve({"all"}, 0).size() == 3);
  ThingRegistry twice = things();
  CHECK_THROWS_AS(twice.add({"works", "", 0, {}, {}, ""}), Error);
}

TEST_CASE("Every kernel backend of this build is registered") {
  std::vector<std::string> names;
  for (const auto& entry : kernel_registry().entries()) names.push_back(entry.name);
  CHECK(names == std::vector<std::string>{"cpu", "reference"});
}

TEST_CASE("rows lie on huge pages of their own, whatever was allocated before, and go back when they are released") {
  const auto resident_kib = [] {
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("VmRSS:", 0) == 0) return std::stoll(line.substr(6));
    }
    return 0LL;
  };
  const std::int64_t huge_page = std::int64_t{2} << 20;
  for (const std::int64_t bytes : {std::int64_t{128} << 10, huge_page + 1, 40 * huge_page}) {
    Buffer first, second;
    first.reserve(bytes);
    second.reserve(bytes);
    std::memset(first.data(), 1, static_cast<std::size_t>(bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(first.data()) % 4096 == 0);
#ifndef __SANITIZE_ADDRESS__
    REQUIRE(reinterpret_cast<std::uintptr_t>(first.data()) % static_cast<std::uintptr_t>(huge_page) == 0);
    REQUIRE(reinterpret_cast<std::uintptr_t>(second.data()) % static_cast<std::uintptr_t>(huge_page) == 0);
    const auto before_kib = resident_kib();
    if (bytes < huge_page) continue;
    first = Buffer();
    REQUIRE(resident_kib() <= before_kib - bytes / 1024 + 1024);
#endif
  }
}

TEST_CASE("Dropped copies are not counted") {
  Routing routing;
  routing.resize(2, 2);
  routing.topk_idx = {2, -1, 2, 0};
  CHECK(count_tokens_per_expert(routing, 3) == std::vector<std::int64_t>{1, 0, 2});
}

TEST_CASE("The routing checksum does not depend on the split over ranks, but on every index, weight and token") {
  Routing whole, first, second;
  whole.resize(3, 2);
  whole.topk_idx = {0, 1, 2, 3, 4, 5};
  whole.topk_weights = {0.5f, 0.25f, 0.5f, 0.25f, 0.5f, 0.25f};
  first.resize(1, 2);
  second.resize(2, 2);
  std::copy_n(whole.topk_idx.begin(), 2, first.topk_idx.begin());
  std::copy_n(whole.topk_weights.begin(), 2, first.topk_weights.begin());
  std::copy_n(whole.topk_idx.begin() + 2, 4, second.topk_idx.begin());
  std::copy_n(whole.topk_weights.begin() + 2, 4, second.topk_weights.begin());
  const std::uint64_t sum = routing_checksum(whole, 10);
  CHECK(sum == routing_checksum(first, 10) + routing_checksum(second, 11));
  CHECK(sum != routing_checksum(whole, 11));
  Routing changed = whole;
  std::swap(changed.topk_idx[0], changed.topk_idx[1]);
  CHECK(sum != routing_checksum(changed, 10));
  changed = whole;
  changed.topk_weights[5] = std::nextafter(0.25f, 1.0f);
  CHECK(sum != routing_checksum(changed, 10));
}
