// window: all ranks start at one agreed moment of a global clock (Hunold and Carpen-Amarie, 2016), however long it took
// the last of them to hear of it. A rank that hears of it too late starts at once, and its sample does not count.

#include "harness/global_clock.hpp"
#include "harness/synchroniser.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moeperf {
namespace {

/// Agreements that the first window is found from, and how much room it has beyond the slowest of them.
constexpr int rehearsals = 20;
constexpr double room = 2;
/// What a rank that waited may be late by: a reading of the clock or two.
constexpr double least_lateness_s = 1e-6;
/// How much longer the window gets when a rank heard of a start too late, at most to max_window_s.
constexpr double growth = 1.5;
constexpr double max_window_s = 0.01;

class WindowSynchroniser final : public Synchroniser {
 public:
  explicit WindowSynchroniser(const SynchroniserContext& context)
      : comm_(context.comm.duplicate()), clock_(context.clock), global_(comm_, clock_) {}
  const char* name() const override { return "window"; }

  void prepare() override {
    global_.measure();
    late_starts_ = 0;
    worst_lateness_s_ = 0;
    std::vector<double> taken_s;
    window_s_ = 0;
    for (int i = 0; i < rehearsals; ++i) {
      const double start_s = agree_on_start();
      taken_s.push_back(clock_.now_s() - start_s);
    }
    window_s_ = std::min(max_window_s, room * comm_.max(*std::max_element(taken_s.begin(), taken_s.end())));
    heard_late_ = false;
  }

  std::string_view align() override {
    const double start_s = agree_on_start();
    heard_late_ = clock_.now_s() > start_s;
    double now_s = 0;
    while ((now_s = clock_.now_s()) < start_s) {
    }
    // Heard of too late, or taken off the processor while it waited.
    const double lateness_s = now_s - start_s;
    if (lateness_s <= std::max(global_.error_s(now_s), least_lateness_s)) return {};
    ++late_starts_;
    worst_lateness_s_ = std::max(worst_lateness_s_, lateness_s);
    return "late start";
  }

  void finish(CaseResult& result) override {
    // What the clocks have moved by since prepare() that the drift then known did not foretell.
    const double expected_s = global_.now_s(), at_s = clock_.now_s();
    const double error_s = global_.error_s(at_s);
    global_.measure();
    const double missed_s = std::abs(global_.global_s(at_s) - expected_s);
    result.metrics["clock_error_s"] = comm_.max(error_s + missed_s);
    result.metrics["clock_drift_max"] = comm_.max(std::abs(global_.drift()));
    result.metrics["window_s"] = window_s_;
    result.metrics["late_starts"] = static_cast<double>(comm_.sum(late_starts_));
    result.metrics["late_start_max_s"] = comm_.max(worst_lateness_s_);
  }

 private:
  /// On this rank's clock. All ranks wait here for the last, and learn whether any heard too late of the last start.
  double agree_on_start() {
    double values[] = {global_.now_s(), heard_late_ ? 1.0 : 0.0};
    comm_.max(values);
    if (values[1] > 0) window_s_ = std::min(max_window_s, growth * window_s_);
    heard_late_ = false;
    return global_.own_s(values[0] + window_s_);
  }

  const Communicator comm_;
  const SampleClock& clock_;
  GlobalClock global_;
  double window_s_ = 0, worst_lateness_s_ = 0;
  std::int64_t late_starts_ = 0;
  bool heard_late_ = false;
};

const Registration registration(synchroniser_registry(),
                                {.name = "window",
                                 .summary = "an agreed moment of a global clock; late starts do not count",
                                 .priority = 0,
                                 .unsupported_reason = {},
                                 .make = [](const SynchroniserContext& context) -> std::unique_ptr<Synchroniser> {
                                   return std::make_unique<WindowSynchroniser>(context);
                                 },
                                 .missing_option = {}});

}  // namespace
}  // namespace moeperf
