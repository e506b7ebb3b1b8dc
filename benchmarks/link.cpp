// link: what the links between ranks can do, measured in the same job as the exchanges that are compared with it. For
// each class of pairs that these ranks have (intra: same node, inter: two nodes):
//
//   CLASS_latency    one message of 8 bytes between one pair: half a round trip, from 100 in a row
//   CLASS_pingpong   one message of 4 MiB between one pair, from two round trips: one direction at a time
//   CLASS_both_ways  4 MiB each way at once, one pair; the time of one such exchange, from two
//   CLASS_all_pairs  the same by all pairs at once: what the links share (memory, network adapter) shows
//   alltoall         one MPI_Alltoall of equal blocks with as many bytes in all as the workload's dispatch has
//
// Ranks that look on get the time of the slowest at work: they wait for nobody. Rates count every byte sent. The pairs
// are those of benchmarks/baselines/link_pairs.hpp.

#include "benchmarks/baselines/link_pairs.hpp"
#include "benchmarks/baselines/plain_alltoall.hpp"
#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/checker.hpp"
#include "benchmarks/verification/labelled_rows.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "results/derived.hpp"

#include <fmt/format.h>

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
    label_rows(send_.rows(), comm.rank(), partner);
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

  /// Messages that follow each other in a run; those that cross each other are one.
  int messages_in_a_row() const { return both_ways_ ? rounds_ : 2 * rounds_; }
  /// This rank's share of what is sent in the time of one of them.
  double sent_bytes() const { return static_cast<double>(send_.rows().bytes()) * rounds_ / messages_in_a_row(); }
  bool looks_on() const { return partner_ < 0; }
  void poison() { moeperf::poison(receive_.rows()); }

  void check(Checker& checker) const { check_labels(checker, receive_.rows(), partner_, comm_.rank()); }

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

  std::vector<PartInfo> parts() const override {
    std::vector<PartInfo> infos;
    for (const auto& [part, traffic] : pairs_) {
      infos.push_back({.name = part, .repetitions = traffic.messages_in_a_row(), .looks_on = traffic.looks_on()});
    }
    infos.push_back({.name = "alltoall"});
    return infos;
  }

  WorkModel work(std::size_t part) const override {
    WorkModel work;
    work.logical_bytes = work.useful_bytes =
        part < pairs_.size() ? pairs_[part].second.sent_bytes() : static_cast<double>(alltoall_->sent_bytes());
    return work;
  }

  void run(std::size_t part) override {
    if (part < pairs_.size()) {
      pairs_[part].second.run();
    } else {
      alltoall_->run();
    }
  }

  void poison() override {
    for (auto& [part, traffic] : pairs_) traffic.poison();
    alltoall_->poison();
  }

  Verification verify() override {
    Checker checker("what each rank received, byte for byte");
    for (const auto& [part, traffic] : pairs_) traffic.check(checker);
    alltoall_->check(checker);
    return checker.result();
  }

  void finish(CaseResult& result) override {
    for (const PairClass pair_class : {PairClass::intra, PairClass::inter}) {
      const std::string part = std::string(name(pair_class)) + "_latency";
      if (const auto median = median_of(result, part)) result.metrics[part + "_s"] = *median;
    }
  }

 private:
  Problem& problem_;
  std::vector<std::pair<std::string, PairTraffic>> pairs_;
  std::optional<PlainAlltoall> alltoall_;
};

const BenchmarkRegistration registration({.name = "link",
                                          .summary = "ping-pong, both ways and plain all-to-all between the ranks",
                                          .order = 5,
                                          .make = [](Problem& problem, const CaseSpec&) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<LinkBenchmark>(problem);
                                          },
                                          .needs = {Need::equal_blocks}});

}  // namespace
}  // namespace moeperf
