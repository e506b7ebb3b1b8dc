#pragma once

#include "harness/descriptor.hpp"

#include <functional>
#include <optional>
#include <string>

namespace moeperf {

/// Questions and answers of one line between the processes of a run over plain TCP, for when MPI is stuck:
/// MPI_THREAD_FUNNELED forbids MPI to any thread but the main one, and that one waits. A connection lasts for one
/// question, so that a run of thousands of ranks holds one listening socket a rank and nothing else.
///
/// Both lines carry the run's token: a port scanner or a rank of another run gets no answer and is not heeded.
class SideChannel {
 public:
  /// What a question (without token and line end) is answered with.
  using Answer = std::function<std::string(const std::string& question)>;

  /// Listens on a free port of all addresses of this host, IPv6 and IPv4 where there are both. Throws Error.
  explicit SideChannel(std::string token);

  /// "port address address …": how others reach this process. The host's addresses, without those that mean
  /// another host elsewhere (loopback, link-local).
  std::string contact() const;

  /// Answers for `seconds`, or until `wake` can be read (true then). Local, never throws for what others send.
  bool serve(double seconds, int wake, const Answer& answer);

 private:
  void answer_one(const Answer& answer);

  std::string token_;
  Descriptor socket_;
  int port_ = 0;
};

/// The first right answer that any address of `contact` gives within `seconds`; all are asked at once.
/// `same_host`: loopback is tried, too. Any thread; never throws for what others send.
std::optional<std::string> ask(const std::string& contact, bool same_host, const std::string& token,
                               const std::string& question, double seconds);

/// 128 random bits in hexadecimal.
std::string random_token();

}  // namespace moeperf
