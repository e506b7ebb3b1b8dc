#include "benchmarks/configuration/sweep_size.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace moeperf {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> units{{{"B", 1},
                                                                          {"K", 1'000},
                                                                          {"M", 1'000'000},
                                                                          {"G", 1'000'000'000},
                                                                          {"KiB", std::int64_t{1} << 10},
                                                                          {"MiB", std::int64_t{1} << 20},
                                                                          {"GiB", std::int64_t{1} << 30}}};
constexpr std::int64_t most = std::int64_t{1} << 53;
constexpr const char* accepted =
    "an integer of at least 1, alone (tokens per rank) or with B, K, M, G, KiB, MiB or GiB (logical bytes per rank)";

std::optional<SweepSize> valid_size(const std::string& text) {
  const auto size = parse_sweep_size(text);
  return size && size->amount >= 1 ? size : std::nullopt;
}

}  // namespace

std::optional<SweepSize> parse_sweep_size(std::string_view text) {
  SweepSize size;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), size.amount);
  if (error != std::errc{} || size.amount < 0 || size.amount > most) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  if (unit.empty()) return size;
  for (const auto& [name, factor] : units) {
    if (name != unit) continue;
    if (size.amount > most / factor) return std::nullopt;
    return SweepSize{size.amount * factor, true};
  }
  return std::nullopt;
}

std::optional<Violation> first_violation(const SweepSettings& sweep) {
  const auto violation = [](const std::string& key, const std::string& given, const std::string& rule) {
    return Violation{"run." + key, fmt::format("{} given; accepted: {}", given, rule)};
  };
  if (!(std::isfinite(sweep.factor) && sweep.factor > 1)) {
    return violation("factor", fmt::format("{}", sweep.factor), "a number above 1");
  }
  if (sweep.begin.empty() && !sweep.end.empty()) return violation("begin", "no size", "a size, since run.end is given");
  if (sweep.begin.empty()) return std::nullopt;
  const auto begin = valid_size(sweep.begin);
  if (!begin) return violation("begin", "'" + sweep.begin + "'", accepted);
  if (sweep.end.empty()) return std::nullopt;
  const auto end = valid_size(sweep.end);
  if (!end) return violation("end", "'" + sweep.end + "'", accepted);
  if (begin->bytes != end->bytes) {
    return violation("end", "'" + sweep.end + "'",
                     fmt::format("{}, as run.begin ('{}')", begin->bytes ? "bytes" : "tokens", sweep.begin));
  }
  if (begin->amount > end->amount) {
    return violation("end", "'" + sweep.end + "'", fmt::format("at least run.begin ('{}')", sweep.begin));
  }
  return std::nullopt;
}

}  // namespace moeperf
