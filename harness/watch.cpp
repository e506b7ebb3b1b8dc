#include "harness/watch.hpp"

#include "harness/clock.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace moeperf {

void Watch::start_case(const std::string& id) {
  append_names(0, id);
  id_length_ = std::min(id.size(), names_.size() - 1);
}

void Watch::name_parts(const std::vector<std::string>& parts) {
  std::string lines;
  for (const std::string& part : parts) lines += '\n' + part;
  append_names(id_length_, lines);
}

void Watch::append_names(std::size_t at, const std::string& text) {
  const std::size_t end = std::min(at + text.size(), names_.size() - 1);
  for (std::size_t i = at; i < end; ++i) names_[i].store(text[i - at], std::memory_order_relaxed);
  names_[end].store('\0', std::memory_order_relaxed);
}

void Watch::enter(Step step, std::size_t part, std::int64_t sample, bool warm_up) {
  const std::uint64_t position = (static_cast<std::uint64_t>(sample) << 24) | ((part & 0xffff) << 8) |
                                 (warm_up ? 0x80u : 0u) | static_cast<std::uint64_t>(step);
  move_to(inside, position);
}

void Watch::leave() { move_to(outside, static_cast<std::uint64_t>(Step::prepare)); }

void Watch::move_to(State next, std::uint64_t position) {
  // Before the new sequence number: who sees that number sees this step's start, or a later one's.
  start_s_.store(now_s(), std::memory_order_relaxed);
  position_.store(position, std::memory_order_relaxed);
  const std::uint64_t wanted = ((own_state_ / 4 + 1) * 4) | next;
  if (!state_.compare_exchange_strong(own_state_, wanted, std::memory_order_release, std::memory_order_relaxed)) {
    while (true) pause();  // seized: what this thread would go on with is no longer its own
  }
  own_state_ = wanted;
}

bool Watch::seize() {
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  while (state % 4 == inside && !state_.compare_exchange_weak(state, state | seized, std::memory_order_acquire))
    continue;
  return state % 4 != outside;
}

Watch::View Watch::view() const {
  const std::uint64_t state = state_.load(std::memory_order_acquire);
  const std::uint64_t position = position_.load(std::memory_order_relaxed), part_idx = (position >> 8) & 0xffff;
  View view{state / 4, state % 4 != outside, static_cast<Step>(position & 0x7f),
            start_s_.load(std::memory_order_relaxed), ""};
  std::string text;
  for (std::size_t i = 0; const char c = names_[i].load(std::memory_order_relaxed); ++i) text += c;
  std::istringstream lines(text);
  std::string case_id, part = std::to_string(part_idx), line;
  std::getline(lines, case_id);
  for (std::uint64_t i = 0; std::getline(lines, line); ++i)
    if (i == part_idx) part = line;
  const std::string sample = fmt::format("{}sample {}", (position & 0x80) != 0 ? "warm-up " : "", (position >> 24) + 1);
  const std::array steps{"preparation",
                         "around {1}",
                         "start of part {0}, {1}",
                         "part {0}, {1}",
                         "agreement on the times after {1}",
                         "part {0}, run for verification",
                         "verification"};
  const auto step = fmt::runtime(steps.at(static_cast<std::size_t>(view.step)));
  view.place = case_id.empty() ? "before the first case"
               : !view.inside  ? "outside of the cases, the last was " + case_id
                               : fmt::format("case {}: {}", case_id, fmt::format(step, part, sample));
  return view;
}

}  // namespace moeperf
