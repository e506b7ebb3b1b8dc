#include "comm/ucx/connection.hpp"

#include "comm/dispatcher.hpp"
#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"
#include "tests/comm/single_exchange.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace moeperf::test {
namespace {

constexpr std::array both{"ucx-put", "ucx-am"};

/// Sets an environment variable for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value, 1);
  }
  ~Variable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// One rank's side of an exchange, and what should come of it.
struct Side : Batch {
  Side(const ExchangeCase& spec, const Communicator& comm)
      : Batch(spec, comm), want_out(expected_sum(spec, comm, CombineOrder::copies, false)) {}

  bool arrived(const ReceivedTokens& received) const { return !difference(received, want.view()); }
  bool summed() const { return !difference(out.rows(), want_out.rows()); }

  RowBuffer want_out;
};

std::unique_ptr<Dispatcher> make(const char* name, Communicator& comm, KernelBackend& kernels,
                                 const ExchangeCase& spec) {
  return dispatcher_registry().make(
      name, {&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()), spec.top_k});
}

bool round_trip(SingleExchange& dispatcher, Side& side) {
  const bool arrived = side.arrived(dispatcher.dispatch(side.x.rows(), side.routing));
  dispatcher.combine(side.expert_out.rows(), side.out.rows());
  return arrived && side.summed();
}

TEST_CASE("UCX: the same rows go over shared memory and over TCP", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.hidden = 4096;
  spec.tokens = [](int rank, int) { return 20 + rank; };
  for (const char* transports : {"sm,self", "tcp,self"}) {
    const Variable chosen("UCX_TLS", transports);
    Communicator comm(MPI_COMM_WORLD);
    if (comm.num_nodes() > 1 && std::string(transports) != "tcp,self") continue;  // memory ends at the node
    Side side(spec, comm);
    for (const char* name : both) {
      INFO(name << " over " << transports);
      SingleExchange dispatcher(make(name, comm, *kernels, spec));
      REQUIRE(comm.all(round_trip(dispatcher, side)));
    }
  }
}

TEST_CASE("UCX: blocks longer than a message arrive whole", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.hidden = std::int64_t{1} << 20;
  spec.dtype = DType::f32;
  spec.tokens = [](int rank, int) { return rank == 0 ? 5 : 0; };  // 20 MiB
  spec.hot_expert = spec.num_experts - 1;
  Side side(spec, comm);
  for (const char* name : both) {
    INFO(name);
    SingleExchange dispatcher(make(name, comm, *kernels, spec));
    REQUIRE(comm.all(round_trip(dispatcher, side)));
  }
}

TEST_CASE("UCX: who runs ahead disturbs nobody", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  Communicator comm(MPI_COMM_WORLD);
  // Only the last rank has experts' rows for others, so that it waits for nobody in combine; rank 0 comes late.
  ExchangeCase spec;
  spec.num_experts = comm.size();
  spec.top_k = 1;
  spec.hot_expert = comm.size() - 1;
  spec.hidden = 4096;
  spec.tokens = [](int, int) { return 8; };
  Side side(spec, comm);
  for (const char* name : both) {
    INFO(name);
    SingleExchange dispatcher(make(name, comm, *kernels, spec));
    bool right = true;
    for (int repeat = 0; repeat < 3; ++repeat) {
      right &= side.arrived(dispatcher.dispatch(side.x.rows(), side.routing));
      for (int again = 0; again < 5; ++again) {
        // Odd rounds bring other expert outputs, whose sum must not be seen in even ones.
        const RowBuffer zeros(side.want.view().rows.num_rows(), spec.hidden, spec.dtype);
        if (zeros.rows().bytes() > 0) {
          std::memset(const_cast<void*>(zeros.rows().data()), 0, static_cast<std::size_t>(zeros.rows().bytes()));
        }
        dispatcher.start_combine(again % 2 == 0 ? side.expert_out.rows() : zeros.rows());
        if (comm.is_root()) {
          for (int pause = 0; pause < 5; ++pause) {
            usleep(1000);
            dispatcher.progress();
          }
        }
        dispatcher.finish_combine(side.out.rows());
        right &= again % 2 != 0 || side.summed();
      }
    }
    REQUIRE(comm.all(right));
  }
}

TEST_CASE("UCX: several exchanges are under way at once", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.hidden = 1024;
  std::vector<Communicator> comms;
  std::vector<std::unique_ptr<SingleExchange>> dispatchers;
  std::vector<Side> sides;
  for (int i = 0; i < 4; ++i) comms.push_back(comm.duplicate());
  for (std::size_t i = 0; i < comms.size(); ++i) {
    spec.seed = 10 + i;
    sides.emplace_back(spec, comm);
    dispatchers.push_back(std::make_unique<SingleExchange>(make(both[i % 2], comms[i], *kernels, spec)));
  }
  bool right = true;
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (std::size_t i = 0; i < 4; ++i) dispatchers[i]->start_dispatch(sides[i].x.rows(), sides[i].routing);
    for (std::size_t i = 0; i < 4; ++i) {
      right &= sides[i].arrived(dispatchers[i]->finish_dispatch());
      dispatchers[i]->start_combine(sides[i].expert_out.rows());
      dispatchers[(i + 1) % 4]->progress();
    }
    for (std::size_t i = 4; i-- > 0;) {
      dispatchers[i]->finish_combine(sides[i].out.rows());
      right &= sides[i].summed();
    }
  }
  REQUIRE(comm.all(right));
}

TEST_CASE("UCX: where a rank has no transport all ranks say so, and the next try is a new one", "[mpi]") {
  {
    const Communicator comm(MPI_COMM_WORLD);
    if (comm.size() == 1) return;
    // One rank alone lacks what the others have.
    const Variable chosen("UCX_TLS", comm.rank() == comm.size() - 1 ? "self" : "all");
    const auto reason = UcxConnection::impossible(comm);
    REQUIRE(comm.all(reason.has_value()));
    CHECK(reason->find("rank") != std::string::npos);
    REQUIRE(comm.broadcast(*reason) == *reason);
    REQUIRE(UcxConnection::impossible(comm) == reason);
  }
  REQUIRE_FALSE(UcxConnection::impossible(Communicator(MPI_COMM_WORLD)).has_value());
}

TEST_CASE("UCX: who waits for a rank that has left learns which", "[mpi]") {
  const Variable chosen("UCX_TLS", "tcp,self");
  const Communicator comm(MPI_COMM_WORLD, 1);  // all on nodes of their own: connections that can break
  if (comm.size() == 1) return;
  const int leaver = comm.size() - 1;
  std::string learned;
  try {
    UcxEndpoints endpoints(comm);
    if (comm.rank() == leaver) throw Error("left");
    endpoints.wait([] { return false; });
  } catch (const Error& error) {
    learned = error.what();
  }
  INFO(learned);
  // A rank that learned it leaves too, so that a third may learn of that one first.
  const bool names_a_rank = learned.find("the connection to rank ") == 0;
  REQUIRE(comm.all(comm.rank() == leaver ? learned == "left" : names_a_rank));
}

}  // namespace
}  // namespace moeperf::test
