#include "harness/watch.hpp"

#include "harness/clock.hpp"

#include <unistd.h>

#include <fmt/format.h>

namespace moeperf {

void Watch::start_case(const std::string& id) {
  const std::lock_guard lock(names_mutex_);
  case_id_ = id;
  parts_.clear();
}

void Watch::name_parts(std::vector<std::string> parts) {
  const std::lock_guard lock(names_mutex_);
  parts_ = std::move(parts);
}

void Watch::enter(Step step, std::size_t part, std::int64_t sample, bool warm_up) {
  const std::uint64_t position = (static_cast<std::uint64_t>(sample) << 24) | ((part & 0xffff) << 8) |
                                 (warm_up ? 0x80u : 0u) | static_cast<std::uint64_t>(step);
  // Before the new sequence number: who sees that number sees this step's start, or a later one's.
  start_s_.store(now_s(), std::memory_order_relaxed);
  position_.store(position, std::memory_order_relaxed);
  move_to(inside);
}

void Watch::leave() { move_to(outside); }

void Watch::move_to(State next) {
  const std::uint64_t wanted = ((own_state_ / 4 + 1) * 4) | next;
  if (!state_.compare_exchange_strong(own_state_, wanted, std::memory_order_release, std::memory_order_relaxed)) {
    while (true) pause();  // seized: what this thread would go on with is no longer its own
  }
  own_state_ = wanted;
}

Watch::View Watch::view() const {
  View view;
  const std::uint64_t state = state_.load(std::memory_order_acquire);
  const std::uint64_t position = position_.load(std::memory_order_relaxed);
  view.sequence = state / 4;
  view.inside = state % 4 != outside;
  view.step = static_cast<Step>(position & 0x7f);
  view.start_s = start_s_.load(std::memory_order_relaxed);
  view.place = place_of(position, view.inside);
  return view;
}

bool Watch::seize() {
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  while (state % 4 == inside) {
    if (state_.compare_exchange_weak(state, (state & ~std::uint64_t{3}) | seized, std::memory_order_acquire))
      return true;
  }
  return state % 4 == seized;
}

std::string Watch::place_of(std::uint64_t position, bool is_inside) const {
  const std::lock_guard lock(names_mutex_);
  if (case_id_.empty()) return "before the first case";
  if (!is_inside) return "outside of the cases, the last was " + case_id_;
  const std::size_t part = (position >> 8) & 0xffff;
  const std::string part_name = part < parts_.size() ? parts_[part] : std::to_string(part);
  const std::string sample = fmt::format("{}sample {}", (position & 0x80) != 0 ? "warm-up " : "", (position >> 24) + 1);
  auto text = [&]() -> std::string {
    switch (static_cast<Step>(position & 0x7f)) {
      case Step::prepare:
        return "preparation";
      case Step::between:
        return "around " + sample;
      case Step::align:
        return fmt::format("start of part {}, {}", part_name, sample);
      case Step::run:
        return fmt::format("part {}, {}", part_name, sample);
      case Step::agree:
        return "agreement on the times after " + sample;
      case Step::rerun:
        return fmt::format("part {}, run for verification", part_name);
      case Step::verify:
        return "verification";
    }
    return "";
  };
  return fmt::format("case {}: {}", case_id_, text());
}

}  // namespace moeperf
