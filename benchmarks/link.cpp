// link: what the links between ranks can do, measured in the same job as the exchanges that are compared with it. For
// each class of pairs that these ranks have (intra: same node, inter: two nodes):
//
//   CLASS_latency    ping-pong of 8 bytes by one pair, 100 round trips to a sample; half of one is the latency
//   CLASS_pingpong   ping-pong of 4 MiB by one pair: one direction at a time
//   CLASS_both_ways  4 MiB each way at once, one pair
//   CLASS_all_pairs  the same by all pairs at once: what the links share (memory, network adapter) shows
//   alltoall         one MPI_Alltoall of equal blocks with as many bytes in all as the workload's dispatch has
//
// Rates count every byte sent. The pairs are those of benchmarks/suite/link_pairs.hpp.

#include "benchmarks/suite/benchmark_kind.hpp"
#include "benchmarks/suite/checker.hpp"
#include "benchmarks/suite/exchange.hpp"
#include "benchmarks/suite/link_pairs.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "results/derived.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

constexpr std::int64_t large = std::int64_t{4} << 20;
constexpr int latency_rounds = 100;

/// Messages between this rank and its partner, if it has one.
class PairTraffic {
 public:
  PairTraffic(const Communicator& comm, int partner, std::int64_t bytes, int rounds, bool both_ways)
      : comm_(comm),
        partner_(partner),
        rounds_(rounds),
        both_ways_(both_ways),
        send_(partner < 0 ? 0 : 1, bytes, DType::u8),
        receive_(partner < 0 ? 0 : 1, bytes, DType::u8) {
    const auto value = static_cast<std::byte>(comm.rank() % 251);
    std::fill_n(send_.rows().row_data(0), send_.rows().bytes(), value);
  }

  void run() {
    if (partner_ < 0) return;
    for (int i = 0; i < rounds_; ++i) {
      if (both_ways_) {
        mpi_check(MPI_Sendrecv(send_.rows().data(), count(), MPI_BYTE, partner_, tag, receive_.rows().data(), count(),
                               MPI_BYTE, partner_, tag, comm_.get(), MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
      } else if (comm_.rank() < partner_) {
        send();
        receive();
      } else {
        receive();
        send();
      }
    }
  }

  double sent_bytes() const { return static_cast<double>(send_.rows().bytes()) * rounds_; }
  void poison() { moeperf::poison(receive_.rows()); }

  void check(Checker& checker) const {
    if (partner_ < 0) return;
    const std::vector<std::byte> expected(static_cast<std::size_t>(receive_.rows().bytes()),
                                          static_cast<std::byte>(partner_ % 251));
    checker.same_bits(receive_.rows(), 0, expected.data());
  }

 private:
  static constexpr int tag = 7;

  int count() const { return mpi_count(send_.rows().bytes(), "bytes"); }
  void send() { mpi_check(MPI_Send(send_.rows().data(), count(), MPI_BYTE, partner_, tag, comm_.get()), "MPI_Send"); }
  void receive() {
    mpi_check(MPI_Recv(receive_.rows().data(), count(), MPI_BYTE, partner_, tag, comm_.get(), MPI_STATUS_IGNORE),
              "MPI_Recv");
  }

  const Communicator& comm_;
  int partner_;
  int rounds_;
  bool both_ways_;
  RowBuffer send_, receive_;
};

class LinkBenchmark final : public Benchmark {
 public:
  explicit LinkBenchmark(Problem& problem) : problem_(problem) {}

  void prepare() override {
    const Communicator& comm = problem_.comm();
    if (comm.size() == 1) throw UnsupportedError("one rank alone has no links");
    for (const PairClass pair_class : {PairClass::intra, PairClass::inter}) {
      if (!has_pairs(comm, pair_class)) continue;
      const LinkPartners partners = link_partners(comm, pair_class);
      const std::string prefix(name(pair_class));
      pairs_.push_back({prefix + "_latency", PairTraffic(comm, partners.alone, 8, latency_rounds, false)});
      pairs_.push_back({prefix + "_pingpong", PairTraffic(comm, partners.alone, large, 2, false)});
      pairs_.push_back({prefix + "_both_ways", PairTraffic(comm, partners.alone, large, 2, true)});
      pairs_.push_back({prefix + "_all_pairs", PairTraffic(comm, partners.all, large, 2, true)});
    }
    const ModelShape& model = problem_.workload().model;
    alltoall_.emplace(comm, RowFormat{model.hidden, model.dtype}, problem_.tokens_global() * model.gate.top_k);
  }

  std::vector<PhaseInfo> phases() const override {
    std::vector<PhaseInfo> infos;
    const auto add = [&](const std::string& phase, double bytes) {
      PhaseInfo info{phase, {}, {}, 1, Role::measured};
      info.work.logical_bytes = info.work.useful_bytes = bytes;
      infos.push_back(std::move(info));
    };
    for (const auto& [phase, traffic] : pairs_) add(phase, traffic.sent_bytes());
    add("alltoall", static_cast<double>(alltoall_->sent_bytes()));
    return infos;
  }

  void run(std::size_t phase) override {
    if (phase < pairs_.size()) {
      pairs_[phase].second.run();
    } else {
      alltoall_->run();
    }
  }

  void poison() override {
    for (auto& [phase, traffic] : pairs_) traffic.poison();
    alltoall_->poison();
  }

  Verification verify() override {
    Checker checker("what each rank received, byte for byte");
    for (const auto& [phase, traffic] : pairs_) traffic.check(checker);
    alltoall_->check(checker);
    return checker.result();
  }

  void finish(CaseResult& result) override {
    for (const PairClass pair_class : {PairClass::intra, PairClass::inter}) {
      const std::string phase = std::string(name(pair_class)) + "_latency";
      if (const auto median = median_of(result, phase)) result.metrics[phase + "_s"] = *median / (2 * latency_rounds);
    }
  }

 private:
  Problem& problem_;
  std::vector<std::pair<std::string, PairTraffic>> pairs_;
  std::optional<PlainAlltoall> alltoall_;
};

const BenchmarkRegistration registration({.name = "link",
                                          .summary = "ping-pong, both ways and plain all-to-all between the ranks",
                                          .order = 4,
                                          .per_scheme = false,
                                          .per_dispatcher = false,
                                          .make = [](Problem& problem, const CaseSpec&) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<LinkBenchmark>(problem);
                                          },
                                          .needs = {Need::equal_blocks}});

}  // namespace
}  // namespace moeperf
