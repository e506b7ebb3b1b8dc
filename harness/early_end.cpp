#include "harness/early_end.hpp"

#include "harness/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace moeperf {
namespace {

/// To bring the report to disk and to end all ranks.
constexpr double closing_s = 5;

volatile std::sig_atomic_t was_told = 0;

void note_signal(int) { was_told = 1; }

/// Seconds until Slurm ends the job; nothing where it does not say.
std::optional<double> job_left_s() {
  const char* end = std::getenv("SLURM_JOB_END_TIME");
  if (end == nullptr) return std::nullopt;
  char* rest = nullptr;
  const double seconds = std::strtod(end, &rest);
  if (rest == end || *rest != '\0' || seconds <= 0) return std::nullopt;
  return seconds - static_cast<double>(std::time(nullptr));
}

}  // namespace

EarlyEnd::EarlyEnd(const Communicator& comm, double limit_s) : comm_(comm) {
  was_told = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, &before_);
  if (limit_s > 0) limit_ = {now_s() + limit_s, fmt::format("--total-time {:g}", limit_s)};
  if (const auto left_s = job_left_s(); left_s && (!limit_ || now_s() + *left_s < limit_->end_s))
    limit_ = {now_s() + *left_s, "the job's time (SLURM_JOB_END_TIME)"};
}

EarlyEnd::~EarlyEnd() { sigaction(SIGUSR1, &before_, nullptr); }

std::string EarlyEnd::reason(double needed_s) const { return comm_.first_reason(own_reason(needed_s)).value_or(""); }

std::string EarlyEnd::own_reason(double needed_s) const {
  if (was_told != 0) return "told to end by SIGUSR1";
  if (!comm_.is_root() || !limit_) return {};
  const double left_s = limit_->end_s - now_s();
  if (left_s >= needed_s + closing_s) return {};
  return fmt::format("out of time: {:.0f} s are left of {}, a case takes up to {:.0f} s", std::max(left_s, 0.0),
                     limit_->name, needed_s);
}

}  // namespace moeperf
