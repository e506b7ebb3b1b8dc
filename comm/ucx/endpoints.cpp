#include "comm/ucx/endpoints.hpp"

#include "comm/mpi/error.hpp"

#include <sched.h>

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace moeperf {
namespace {

constexpr unsigned greeting_id = 0;

/// How long connecting may go without any new greeting before it counts as impossible.
constexpr std::chrono::seconds connect_limit{60};

/// Throws the first rank's reason on all ranks, if any has one.
void require_all(const Communicator& comm, const std::string& reason) {
  for (const std::string& text : comm.all_gather(reason)) {
    if (!text.empty()) throw UnsupportedError("UCX does not connect these ranks: " + text);
  }
}

}  // namespace

UcxEndpoints::UcxEndpoints(const Communicator& comm) : comm_(comm.get()), rank_(comm.rank()), num_ranks_(comm.size()) {
  if (num_ranks_ == 1) return;
  try {
    std::string address;
    require_all(comm, open(address));
    require_all(comm, connect(comm, comm.all_gather(address)));
    const std::string reason = greet();
    if (!all_while_progressing(reason.empty())) require_all(comm, reason);
  } catch (...) {
    close(false);
    throw;
  }
}

UcxEndpoints::~UcxEndpoints() { close(usable()); }

std::string UcxEndpoints::open(std::string& address) {
  try {
    context_ = UcxContext::shared();
    worker_ = std::make_unique<UcxWorker>(context_);
    on_message(greeting_id, [this](const UcxMessage&) {
      ++greetings_;
      return UCS_OK;
    });
    address = worker_->address();
  } catch (const UcxError& error) {
    return error.what();
  }
  return {};
}

std::string UcxEndpoints::connect(const Communicator& comm, const std::vector<std::string>& addresses) {
  peers_.resize(addresses.size());
  for (int rank = 0; rank < num_ranks_; ++rank) {
    if (rank == rank_) continue;
    Peer& peer = peers_[static_cast<std::size_t>(rank)];
    peer.owner = this;
    peer.rank = rank;
    ucp_ep_params_t params{};
    params.field_mask =
        UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER;
    params.address = reinterpret_cast<const ucp_address_t*>(addresses[static_cast<std::size_t>(rank)].data());
    // Shared memory, which UCX leaves out where failures are to be reported (1.13), has no connection that could break.
    const bool same_node = comm.node_of_rank()[static_cast<std::size_t>(rank)] == comm.node();
    params.err_mode = same_node ? UCP_ERR_HANDLING_MODE_NONE : UCP_ERR_HANDLING_MODE_PEER;
    params.err_handler.cb = failed;
    params.err_handler.arg = &peer;
    const ucs_status_t status = ucp_ep_create(worker_->get(), &params, &peer.endpoint);
    if (status != UCS_OK) return UcxError(fmt::format("ucp_ep_create to rank {}", rank), status).what();
  }
  return {};
}

std::string UcxEndpoints::greet() {
  using Clock = std::chrono::steady_clock;
  try {
    std::vector<UcxRequest> sends;
    for (int step = 1; step < num_ranks_; ++step) {
      sends.push_back(send((rank_ + step) % num_ranks_, greeting_id, nullptr, 0, nullptr, 0));
    }
    auto deadline = Clock::now() + connect_limit;
    int seen = 0;
    bool late = false;
    wait([&] {
      if (greetings_ > seen) deadline = Clock::now() + connect_limit;
      seen = greetings_;
      late = Clock::now() > deadline;
      return late || (all_done(sends) && greetings_ == num_ranks_ - 1);
    });
    if (!late) return {};
    return fmt::format("{} heard from {} of {} other ranks, and from none in the last {} s", this_process(), greetings_,
                       num_ranks_ - 1, connect_limit.count());
  } catch (const UcxError& error) {
    return error.what();
  }
}

/// Communicator::all, during which others still get answers from this rank's worker.
bool UcxEndpoints::all_while_progressing(bool value) {
  int mine = value ? 1 : 0, all = 0, done = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Iallreduce(&mine, &all, 1, MPI_INT, MPI_LAND, comm_, &request), "MPI_Iallreduce");
  while (done == 0) {
    if (ucp_worker_progress(worker_->get()) == 0) give_way();
    mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  }
  return all != 0;
}

void UcxEndpoints::meet() {
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  wait([&] {
    int done = 0;
    mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
  });
}

/// What MPI still has to deliver from this rank does not move by itself, and somebody may wait in MPI for it before
/// answering here.
void UcxEndpoints::give_way() {
  int waiting = 0;
  mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &waiting, MPI_STATUS_IGNORE), "MPI_Iprobe");
  sched_yield();
}

void UcxEndpoints::on_message(unsigned id, std::function<ucs_status_t(const UcxMessage&)> handler) {
  if (!worker_) return;
  for (auto next = static_cast<unsigned>(handlers_.size()); next <= id; ++next) {
    handlers_.push_back({this, {}});
    worker_->set_handler(next, received, &handlers_.back());
  }
  handlers_[id].call = std::move(handler);
}

void UcxEndpoints::forget_handlers() noexcept {
  for (std::size_t id = 1; id < handlers_.size(); ++id) handlers_[id].call = nullptr;
}

UcxRequest UcxEndpoints::send(int rank, unsigned id, const void* header, std::size_t header_bytes, const void* data,
                              std::size_t bytes) {
  return {ucp_am_send_nbx(to(rank), id, header, header_bytes, data, bytes, &ucx_no_options), "ucp_am_send_nbx"};
}

bool UcxEndpoints::progress() {
  if (!worker_) return false;
  const bool moved = ucp_worker_progress(worker_->get()) != 0;
  if (failure_) std::rethrow_exception(failure_);
  return moved;
}

void UcxEndpoints::failed(void* peer, ucp_ep_h, ucs_status_t status) {
  const auto& [owner, rank, endpoint] = *static_cast<Peer*>(peer);
  if (owner->failure_) return;
  try {
    throw UcxError(fmt::format("the connection to rank {}", rank), status);
  } catch (...) {
    owner->failure_ = std::current_exception();
  }
}

ucs_status_t UcxEndpoints::received(void* handler, const void* header, std::size_t header_bytes, void* data,
                                    std::size_t bytes, const ucp_am_recv_param_t* param) {
  auto& [owner, call] = *static_cast<Handler*>(handler);
  try {
    if (!call) throw Error("an active message came that nobody waits for");
    return call({header, header_bytes, data, bytes, (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0,
                 (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_DATA) != 0});
  } catch (...) {
    if (!owner->failure_) owner->failure_ = std::current_exception();
    return UCS_OK;
  }
}

/// Orderly: all ranks together, each until what it sent has arrived. Else (this rank leaves while others may not) at
/// once, and whoever waits for it learns that it is gone.
void UcxEndpoints::close(bool orderly) noexcept {
  if (!worker_) return;
  const auto meet = [this] {
    MPI_Request request = MPI_REQUEST_NULL;
    int done = 0;
    if (MPI_Ibarrier(comm_, &request) != MPI_SUCCESS) return;
    while (done == 0 && MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS) {
      if (ucp_worker_progress(worker_->get()) == 0) sched_yield();
    }
  };
  // Nobody closes before all are done with their exchanges, and no worker goes before all have closed.
  if (orderly) meet();
  ucp_request_param_t options{};
  options.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
  options.flags = orderly ? 0 : UCP_EP_CLOSE_FLAG_FORCE;
  std::vector<void*> closing;
  for (Peer& peer : peers_) {
    if (peer.endpoint == nullptr) continue;
    void* request = ucp_ep_close_nbx(peer.endpoint, &options);
    if (UCS_PTR_IS_PTR(request)) closing.push_back(request);
  }
  for (void* request : closing) {
    while (ucp_request_check_status(request) == UCS_INPROGRESS) {
      if (ucp_worker_progress(worker_->get()) == 0) sched_yield();
    }
    ucp_request_free(request);
  }
  if (orderly) meet();
  peers_.clear();
  worker_.reset();
}

}  // namespace moeperf
