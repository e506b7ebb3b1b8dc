#include "harness/watchdog.hpp"

#include "harness/agreement.hpp"
#include "harness/clock.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"

#include <signal.h>
#include <sys/eventfd.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace moeperf {
namespace {

constexpr double answer_time_s = 3;     // a living process answers in milliseconds, on a crowded node in less than this
constexpr double tell_again_s = 3;      // a rank that is overdue says so every so often
constexpr double settle_time_s = 5;     // a process that was stopped keeps still for so long
constexpr double verdict_time_s = 6;    // what rank 0, told in vain, has to speak by itself
constexpr double farewell_time_s = 30;  // what rank 0 has to end the run since it answered last
constexpr int most_callers = 16;        // threads that ask ranks at the same time
const std::string where_question = "where", told_question = "stalled ";

/// A thread that handles no signals: those are the main thread's.
template <class Body>
std::thread quiet_thread(Body body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

void wake_up(const Descriptor& event) {
  const std::uint64_t one = 1;
  (void)!::write(event.get(), &one, sizeof(one));  // fails only where it is set already
}

/// One write, so that lines of several ranks do not mix.
void say(const std::string& lines) {
  std::fputs(lines.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace

Watchdog::Watchdog(const Communicator& comm, Watch& watch, double limit_s, Record record)
    : watch_(watch), limit_s_(limit_s), record_(std::move(record)), rank_(comm.rank()) {
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
  if (failure) throw UserError(*failure + "; without a limit to phases (--time-limit 0) that is not needed");
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
  return woken;
}

std::string Watchdog::answer(const std::string& question) {
  if (rank_ == 0 && question.starts_with(told_question)) {
    if (const auto state = parse_rank_state(question.substr(told_question.size()))) {
      told_.insert_or_assign(state->rank, *state);
      wake_up(wake_);
    }
  }
  return to_line(own_state());
}

double Watchdog::limit_of(Step step) const {
  return step == Step::prepare || step == Step::verify ? slow_factor * limit_s_ : limit_s_;
}

double Watchdog::seconds_to_next_look() const {
  const Watch::View view = watch_.view();
  if (!view.inside) return limit_s_;
  const double due_s = std::max(view.start_s, counts_from_s_) + limit_of(view.step);
  // Another step may begin meanwhile, and be over its limit a limit from now.
  return std::clamp(due_s - now_s(), 0.0, limit_s_);
}

RankState Watchdog::own_state() const {
  const Watch::View view = watch_.view();
  const double waited_s = view.inside ? std::max(0.0, now_s() - std::max(view.start_s, counts_from_s_)) : 0;
  return {rank_, view.sequence, view.inside && waited_s >= limit_of(view.step), waited_s, view.place};
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
  if (!heard) say(lost_root_message(own_state(), peers_[0].host, limit_s_));
  std::_Exit(exit_failure);
}

void Watchdog::call_the_roll() {
  Stall stall{limit_s_, {}, everybodys_state()};
  told_.clear();
  const bool stalled =
      std::any_of(stall.answers.begin(), stall.answers.end(), [](const RankState& state) { return state.overdue; });
  if (stopping_ || !stalled) return;
  for (const Peer& peer : peers_) stall.hosts.push_back(peer.host);
  say(stall_message(stall));
  record_reason(stall_reason(stall));
  std::_Exit(exit_failure);
}

std::vector<RankState> Watchdog::everybodys_state() {
  const int num_ranks = static_cast<int>(peers_.size());
  std::vector<std::optional<RankState>> found(peers_.size());
  std::atomic<int> next_rank{1}, callers_left{std::min(num_ranks - 1, most_callers)};
  std::vector<std::thread> callers;
  auto call = [&] {
    for (int rank = next_rank++; rank < num_ranks; rank = next_rank++) {
      const auto line = ask_rank(rank, where_question);
      if (line) found[static_cast<std::size_t>(rank)] = parse_rank_state(*line);
    }
    --callers_left;
    wake_up(wake_);
  };
  for (int i = callers_left; i > 0; --i) callers.push_back(quiet_thread(call));
  while (callers_left > 0) serve(1);  // the ranks that are overdue want an answer meanwhile
  for (std::thread& caller : callers) caller.join();

  found[0] = own_state();
  // Who cannot be asked, but has told: a firewall may let calls through one way only.
  for (const auto& [rank, state] : told_) {
    if (rank < num_ranks && !found[static_cast<std::size_t>(rank)]) found[static_cast<std::size_t>(rank)] = state;
  }
  std::vector<RankState> answers;
  for (auto& state : found) {
    if (state) answers.push_back(std::move(*state));
  }
  return answers;
}

void Watchdog::record_reason(const std::string& reason) {
  // Rank 0 may be between two cases just now, with the report's file in its hands; it will soon wait like the rest.
  const double end_s = now_s() + answer_time_s;
  while (!watch_.seize()) {
    if (now_s() > end_s) {
      say("moeperf: rank 0 is busy outside of the cases: the report does not get this reason\n");
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  try {
    record_(reason);
  } catch (const std::exception& error) {
    say(fmt::format("moeperf: the report does not get this reason: {}\n", error.what()));
  }
  std::fflush(stdout);
}

}  // namespace moeperf
