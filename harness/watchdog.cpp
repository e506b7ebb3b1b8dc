#include "harness/watchdog.hpp"

#include "harness/agreement.hpp"
#include "harness/clock.hpp"
#include "harness/machine.hpp"
#include "harness/quiet_thread.hpp"
#include "kernels/base/error.hpp"

#include <sys/eventfd.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>

namespace moeperf {
namespace {

constexpr double answer_time_s = 3;     // a living process answers in milliseconds, on a crowded node in less than this
constexpr double tell_again_s = 3;      // a rank that is overdue says so every so often
constexpr double settle_time_s = 5;     // a process that was stopped keeps still for so long
constexpr double verdict_time_s = 6;    // what rank 0, told in vain, has to speak by itself
constexpr double farewell_time_s = 30;  // what rank 0 has to end the run since it answered last
constexpr double leaving_time_s = 1;    // from closing the run until its ranks end
constexpr int most_callers = 16;        // threads that ask ranks at the same time
const std::string where_question = "where", told_question = "stalled ", over_question = "over ";

void wake_up(const Descriptor& event) {
  const std::uint64_t one = 1;
  (void)!::write(event.get(), &one, sizeof(one));  // fails only where it is set already
}

void sleep_until(double time_s) {
  std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.0, time_s - now_s())));
}

}  // namespace

Watchdog::Watchdog(const Communicator& comm, const Watch& watch, const TimeLimits& limits, Ending& ending)
    : watch_(watch), limits_(limits), ending_(ending), rank_(comm.rank()) {
  exchange_contacts(comm);
  thread_ = quiet_thread([this] { keep_watch(); });
}

Watchdog::~Watchdog() {
  stopping_ = true;
  wake_up(wake_);
  thread_.join();
}

void Watchdog::exchange_contacts(const Communicator& comm) {
  token_ = comm.broadcast(comm.is_root() ? random_token() : "");
  std::string contact;
  const auto failure = failure_on_any_rank(comm, [&] {
    wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) throw Error("cannot make an eventfd");
    channel_.emplace(token_);
    contact = channel_->contact();
  });
  if (failure) throw UserError(*failure + "; without limits (--time-limit 0 --prepare-limit 0) that is not needed");
  const std::vector<std::string> hosts = comm.gather(host_name()), contacts = comm.gather(contact);
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    peers_.push_back({hosts[rank], contacts[rank], comm.node_of_rank()[rank] == comm.node()});
  }
  const std::string root_host = comm.broadcast(host_name()), root_contact = comm.broadcast(contact);
  if (!comm.is_root()) peers_.push_back({root_host, root_contact, comm.node_of_rank()[0] == comm.node()});
}

void Watchdog::keep_watch() {
  while (!stopping_) {
    const double look_s = now_s() + seconds_to_next_look();
    serve(look_s - now_s());
    // The thread itself overslept: the process was stopped, with the whole job perhaps. Let things settle: what
    // others told it meanwhile is old, they tell it again; or they have ended the run and it is woken to be killed.
    if (now_s() - look_s > 2) counts_from_s_ = now_s() + settle_time_s;
    if (now_s() < counts_from_s_) told_.clear();
    if (stopping_ || (told_.empty() && !own_state().overdue)) continue;
    if (rank_ == 0) {
      call_the_roll();
    } else {
      tell_rank_0();
    }
  }
}

/// Answers others for a while; true when woken up.
bool Watchdog::serve(double seconds) {
  const bool woken = channel_->serve(seconds, wake_.get(), [this](const auto& question) { return answer(question); });
  std::uint64_t count = 0;
  if (woken) (void)!::read(wake_.get(), &count, sizeof(count));
  if (end_at_s_ > 0) {
    sleep_until(end_at_s_);
    std::_Exit(exit_failure);
  }
  return woken;
}

std::string Watchdog::answer(const std::string& question) {
  if (rank_ != 0 && question.starts_with(over_question)) {
    end_at_s_ = now_s() + std::clamp(std::atof(question.c_str() + over_question.size()), 0.001, leaving_time_s);
    wake_up(wake_);
  }
  if (rank_ == 0 && question.starts_with(told_question)) {
    if (const auto state = parse_rank_state(question.substr(told_question.size()))) {
      told_.insert_or_assign(state->rank, *state);
      wake_up(wake_);
    }
  }
  return to_line(own_state());
}

double Watchdog::limit_of(Step step) const {
  const double limit_s = limits_.of(step);
  return limit_s > 0 ? limit_s : std::numeric_limits<double>::infinity();
}

double Watchdog::shortest_limit() const { return std::min(limit_of(Step::run), limit_of(Step::prepare)); }

double Watchdog::seconds_to_next_look() const {
  const Watch::View view = watch_.view();
  if (!view.inside) return shortest_limit();
  const double due_s = std::max(view.start_s, counts_from_s_) + limit_of(view.step);
  // Another step may begin meanwhile, and be over its limit a limit from now.
  return std::clamp(due_s - now_s(), 0.0, shortest_limit());
}

RankState Watchdog::own_state() const {
  const Watch::View view = watch_.view();
  const double waited_s = view.inside ? std::max(0.0, now_s() - std::max(view.start_s, counts_from_s_)) : 0;
  return {rank_, view.sequence, view.inside && waited_s >= limit_of(view.step), waited_s, view.step, view.place};
}

std::optional<std::string> Watchdog::ask_rank(int rank, const std::string& question) const {
  const Peer& peer = peers_[static_cast<std::size_t>(rank)];
  return ask(peer.contact, peer.on_this_node, token_, question, answer_time_s);
}

/// Returns when the main thread has moved on after all, or the run is over; else ends the process.
void Watchdog::tell_rank_0() {
  const std::uint64_t stuck_in = own_state().sequence;
  // Rank 1 speaks first, the others only if it cannot.
  double end_s = now_s() + answer_time_s + verdict_time_s + (rank_ == 1 ? 0 : answer_time_s);
  bool heard = false;
  while (now_s() < end_s) {
    if (ask_rank(0, told_question + to_line(own_state()))) {
      heard = true;
      end_s = now_s() + farewell_time_s;
    }
    const double again_s = std::min(end_s, now_s() + tell_again_s);
    while (now_s() < again_s) {
      serve(again_s - now_s());
      if (stopping_ || own_state().sequence != stuck_in) return;
    }
  }
  if (!heard) ending_.close(lost_root_message(own_state(), peers_[0].host, limits_), "");
  std::_Exit(exit_failure);
}

void Watchdog::call_the_roll() {
  Stall stall{limits_, {}, everybodys_state()};
  told_.clear();
  const bool stalled =
      std::any_of(stall.answers.begin(), stall.answers.end(), [](const RankState& state) { return state.overdue; });
  if (stopping_ || !stalled) return;
  for (const Peer& peer : peers_) stall.hosts.push_back(peer.host);
  ending_.close(stall_message(stall), stall_reason(stall));
  leave_together();
}

void Watchdog::leave_together() {
  const double end_s = now_s() + leaving_time_s;
  ask_all([&] { return fmt::format("{}{:.3f}", over_question, end_s - now_s()); });
  sleep_until(end_s);
  std::_Exit(exit_failure);
}

std::vector<std::optional<std::string>> Watchdog::ask_all(const std::function<std::string()>& question) {
  const int num_ranks = static_cast<int>(peers_.size());
  std::vector<std::optional<std::string>> answers(peers_.size());
  std::atomic<int> next_rank{1}, callers_left{std::min(num_ranks - 1, most_callers)};
  std::vector<std::thread> callers;
  auto call = [&] {
    for (int rank = next_rank++; rank < num_ranks; rank = next_rank++) {
      answers[static_cast<std::size_t>(rank)] = ask_rank(rank, question());
    }
    --callers_left;
    wake_up(wake_);
  };
  for (int i = callers_left; i > 0; --i) callers.push_back(quiet_thread(call));
  while (callers_left > 0) serve(1);  // the ranks that are overdue want an answer meanwhile
  for (std::thread& caller : callers) caller.join();
  return answers;
}

std::vector<RankState> Watchdog::everybodys_state() {
  std::vector<std::optional<RankState>> found;
  for (const auto& line : ask_all([] { return where_question; })) {
    found.push_back(line ? parse_rank_state(*line) : std::nullopt);
  }
  found[0] = own_state();
  // Who cannot be asked, but has told: a firewall may let calls through one way only.
  for (const auto& [rank, state] : told_) {
    if (rank < static_cast<int>(found.size()) && !found[static_cast<std::size_t>(rank)])
      found[static_cast<std::size_t>(rank)] = state;
  }
  std::vector<RankState> answers;
  for (auto& state : found) {
    if (state) answers.push_back(std::move(*state));
  }
  return answers;
}

}  // namespace moeperf
