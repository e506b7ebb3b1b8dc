#include "harness/thread_team.hpp"

#include "harness/agreement.hpp"
#include "harness/machine.hpp"

#include <omp.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace moeperf {
namespace {

/// What OMP_NUM_THREADS asks for; nothing where it is not set. Of a list, which has a number for each level of
/// nesting, the first.
std::optional<int> threads_asked_for() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return std::nullopt;
  const std::string all(text);
  const auto from = std::min(all.find_first_not_of(' '), all.size());
  const std::string first = all.substr(from, all.find_first_of(" ,", from) - from);
  int asked = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), asked);
  if (error != std::errc{} || end != first.data() + first.size() || asked < 1) {
    throw UserError(fmt::format("OMP_NUM_THREADS={}: accepted: a number of threads per rank, at least 1", all));
  }
  return asked;
}

/// OpenMP ends the process, with a status of its own, where the system starts no more threads; so they are tried first.
void check_system_starts(int count) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<std::thread> threads;
  std::string reason;
  try {
    for (int i = 1; i < count; ++i) threads.emplace_back([released] { released.wait(); });
  } catch (const std::exception& error) {
    reason = fmt::format(
        "{} OpenMP threads per rank are asked for, the system starts {} ({}); accepted: a smaller "
        "OMP_NUM_THREADS, or higher limits (ulimit -u, ulimit -v, the control group's pids.max)",
        count, threads.size() + 1, error.what());
  }
  release.set_value();
  for (std::thread& thread : threads) thread.join();
  if (!reason.empty()) throw UserError(reason);
}

/// The settings that make a team smaller, as "NAME=value" each.
std::vector<std::string> limits() {
  std::vector<std::string> set;
  for (const char* name : {"OMP_THREAD_LIMIT", "OMP_MAX_ACTIVE_LEVELS", "KMP_ALL_THREADS", "KMP_DEVICE_THREAD_LIMIT"}) {
    if (const char* value = std::getenv(name)) set.push_back(fmt::format("{}={}", name, value));
  }
  return set;
}

void settle_own_team() {
  const std::optional<int> asked = threads_asked_for();
  omp_set_dynamic(0);
  // A limit holds for what nobody asked for, too: then it is what runs.
  check_system_starts(std::min(asked.value_or(omp_get_max_threads()), omp_get_thread_limit()));
  const int running = num_threads();
  if (asked && *asked != running) {
    throw UserError(fmt::format(
        "OMP_NUM_THREADS={} asks for {} OpenMP threads per rank, a parallel region gets {} "
        "because of {}; accepted: OMP_NUM_THREADS={}, or limits that allow {}",
        std::getenv("OMP_NUM_THREADS"), *asked, running,
        limits().empty() ? "the OpenMP library" : fmt::format("{}", fmt::join(limits(), ", ")), running, *asked));
  }
  omp_set_num_threads(running);
}

}  // namespace

void settle_thread_team(const Communicator& comm) {
  if (const auto failure = failure_on_any_rank(comm, settle_own_team)) throw UserError(*failure);
}

}  // namespace moeperf
