// How a dispatcher is added: this file, which nobody else knows. One message per pair of ranks will do for most
// algorithms: then only the exchange of rows is new, a RowExchange, and the flat dispatcher does the rest.
#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/dispatch/rows_for_mpi.hpp"
#include "comm/mpi/error.hpp"

#include "benchmarks/cli/run.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <bit>

namespace moeperf {
namespace {

// test-one-by-one: each pair of ranks exchanges its rows by itself, one pair after the other.
//
// Cost per rank of P, beside flat_dispatcher.hpp: P − 1 messages each way, none of them under way with another.
class OneByOne final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    const auto num_ranks = static_cast<unsigned>(comm_.size()), rank = static_cast<unsigned>(comm_.rank());
    for (unsigned step = 1; step < std::bit_ceil(num_ranks); ++step) {
      const unsigned partner = rank ^ step;  // whose partner is this rank, too
      if (partner >= num_ranks) continue;
      const RowBlocks& out = sent(way);
      const RowBlocks& in = received(way);
      mpi_check(MPI_Sendrecv(from.row_data(out.offsets[partner]), out.counts[partner], row_type(way),
                             static_cast<int>(partner), 1, to.row_data(in.offsets[partner]), in.counts[partner],
                             row_type(way), static_cast<int>(partner), 1, comm_.get(), MPI_STATUS_IGNORE),
                "MPI_Sendrecv");
    }
  }
  void finish(Way) override {}
};

const DispatcherRegistration registration({"test-one-by-one", "pairs of ranks one after the other", -1, rows_for_mpi,
                                           [](const DispatchContext& context) -> std::unique_ptr<Dispatcher> {
                                             return make_flat_dispatcher(context, std::make_unique<OneByOne>(context));
                                           },
                                           ""});

TEST_CASE("a dispatcher of one file is measured and verified as the others", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "dispatcher");
  RunOptions options;
  options.suite = MOEPERF_SOURCE_DIR "/benchmarks/workloads/smoke.toml";
  options.output = folder / "report.h5";
  options.benchmarks = "dispatch|combine|layer";
  options.axes["dispatcher"] = {"test-one-by-one"};
  options.axes["scheme"] = {"none"};
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(options.output);
  REQUIRE(report.cases.size() >= 3);
  for (const CaseResult& result : report.cases) {
    if (!result.skip_reason.empty()) {
      REQUIRE(result.skip_reason.find("cannot start an exchange and finish it later") != std::string::npos);
      continue;
    }
    REQUIRE(result.verification.passed);
  }
}

}  // namespace
}  // namespace moeperf
