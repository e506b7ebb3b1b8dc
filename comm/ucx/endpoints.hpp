#pragma once

#include "comm/mpi/communicator.hpp"
#include "comm/ucx/request.hpp"
#include "comm/ucx/worker.hpp"

#include <ucp/api/ucp.h>

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moeperf {

/// An active message as its handler sees it, during the call only.
struct UcxMessage {
  const void* header;
  std::size_t header_bytes;
  void* data;  ///< the bytes, or what ucp_am_recv_data_nbx takes
  std::size_t bytes;
  bool must_fetch;  ///< data waits at the sender (rendezvous)
  bool may_keep;    ///< data may outlive the call, see ucp_am_data_release
};

/// A worker of its own with an endpoint to each other rank of a communicator, addresses exchanged over MPI. Making and
/// destroying are collective, nothing else is. Several may live at once. An endpoint whose peer fails makes the next
/// progress throw. (Within a node there is no connection to lose; a process that dies there ends the job.)
///
/// Memory, measured with UCX 1.13 within a node, 2 to 16 ranks: 4.5 MiB per rank, and hardly more per peer.
class UcxEndpoints {
 public:
  /// Returns when every pair has exchanged a message, so that no exchange pays for connecting. Throws UnsupportedError
  /// with the same text on all ranks where UCX has no way between some of them. A rank alone opens nothing. `comm`'s
  /// MPI communicator outlives this.
  explicit UcxEndpoints(const Communicator& comm);
  ~UcxEndpoints();
  UcxEndpoints(const UcxEndpoints&) = delete;
  UcxEndpoints& operator=(const UcxEndpoints&) = delete;

  UcxWorker& worker() { return *worker_; }
  const std::shared_ptr<UcxContext>& context() const { return context_; }
  ucp_ep_h to(int rank) const { return peers_[static_cast<std::size_t>(rank)].endpoint; }

  /// What receives messages `id`, from 1. It is called from progress and may throw, which progress then does. Returns
  /// what ucp_am_recv_callback_t does.
  void on_message(unsigned id, std::function<ucs_status_t(const UcxMessage&)> handler);

  void forget_handlers() noexcept;

  /// Header and data must stay unchanged until the request is done.
  UcxRequest send(int rank, unsigned id, const void* header, std::size_t header_bytes, const void* data,
                  std::size_t bytes);

  /// Moves what is under way and never waits; whether anything moved. Throws UcxError where an endpoint failed.
  bool progress();

  /// Whether nothing has failed and no exception is about to leave whoever destroys this.
  bool usable() const { return !failure_ && std::uncaught_exceptions() == exceptions_at_birth_; }

  /// Makes progress until `done()`. Gives its processor to others when nothing moves for a while.
  template <class Done>
  void wait(Done done) {
    for (int idle = 0; !done();) {
      if (progress()) {
        idle = 0;
      } else if (++idle > polls_before_yield) {
        give_way();
      }
    }
  }

  /// Returns when all ranks have come here; until then this one goes on answering them. Collective.
  void meet();

 private:
  static constexpr int polls_before_yield = 256;

  struct Peer {
    UcxEndpoints* owner = nullptr;
    int rank = 0;
    ucp_ep_h endpoint = nullptr;
  };
  struct Handler {
    UcxEndpoints* owner;
    std::function<ucs_status_t(const UcxMessage&)> call;
  };

  // Each returns why it failed, or nothing.
  std::string open(std::string& address);
  std::string connect(const Communicator& comm, const std::vector<std::string>& addresses);
  std::string greet();
  bool all_while_progressing(bool value);
  void give_way();
  void close(bool orderly) noexcept;

  static void failed(void* peer, ucp_ep_h endpoint, ucs_status_t status);
  static ucs_status_t received(void* handler, const void* header, std::size_t header_bytes, void* data,
                               std::size_t bytes, const ucp_am_recv_param_t* param);

  MPI_Comm comm_;
  int rank_, num_ranks_;
  std::shared_ptr<UcxContext> context_;
  std::unique_ptr<UcxWorker> worker_;
  std::vector<Peer> peers_;       ///< [P], without an endpoint for the rank itself
  std::deque<Handler> handlers_;  ///< by id; UCX holds their addresses
  std::exception_ptr failure_;    ///< thrown by the next progress
  int greetings_ = 0;
  int exceptions_at_birth_ = std::uncaught_exceptions();
};

}  // namespace moeperf
