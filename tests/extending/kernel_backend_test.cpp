// How a kernel backend is added whose memory is not the host's: this file, which nobody else knows, and the kernels
// (tests/fake_device.hpp). Its memory faults where the host touches it, and its queue does nothing before somebody
// waits.
#include "kernels/backend.hpp"

#include "benchmarks/cli/run.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"
#include "tests/fake_device.hpp"

namespace moeperf {
namespace {

const Registration registration(kernel_registry(),
                                {.name = "test-device",
                                 .summary = "the reference kernels in memory that the host cannot touch",
                                 .priority = -1,
                                 .unsupported_reason = {},
                                 .make = [](const KernelContext&) -> std::unique_ptr<KernelBackend> {
                                   return std::make_unique<test::FakeDeviceKernels>();
                                 },
                                 .missing_option = {}});

Report report_of(Communicator& comm, const test::Folder& folder, const std::vector<std::string>& overrides) {
  RunOptions options;
  options.suite = MOEPERF_SOURCE_DIR "/benchmarks/workloads/smoke.toml";
  options.output = folder / "report.h5";
  options.force = true;
  options.axes["kernel"] = {"test-device"};
  options.axes["dispatcher"] = {"mpi-alltoallv"};
  options.overrides = overrides;
  REQUIRE(run(options, comm) == exit_ok);
  return comm.is_root() ? read_report(options.output) : Report{};
}

TEST_CASE("all benchmarks run with rows and routing in memory that is not the host's", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "device");
  const Report report = report_of(comm, folder, {});
  int num_layers = 0;
  for (const CaseResult& result : report.cases) {
    INFO(result.id << ": " << result.skip_reason);
    if (result.on("benchmark") == "link" && comm.size() == 1) continue;  // which a rank alone has none of
    REQUIRE(result.skip_reason.empty());
    REQUIRE(result.verification.passed);
    if (result.on("benchmark") != "layer") continue;
    ++num_layers;
    // What is copied to the host is said, and nothing else is: it would fault.
    REQUIRE(
        result.notes.at("rows") ==
        "device, rows and routing staged through pageable host memory (MPI libraries know no memory of this device)");
    const bool is_revised = result.on("scheme") == "ideal" || result.on("scheme") == "aux-loss";  // which drops, there
    REQUIRE(result.notes.count("routing") == (is_revised ? 1u : 0u));
  }
  REQUIRE((num_layers > 0 || !comm.is_root()));
}

TEST_CASE("a scheme that drops copies says that the routing comes to the host", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "drops");
  const Report report = report_of(
      comm, folder, {"balancing.aux-loss.capacity_factor=1.0", "run.schemes=aux-loss", "run.benchmarks=layer"});
  for (const CaseResult& result : report.cases) {
    REQUIRE(result.verification.passed);
    REQUIRE(result.notes.at("routing") == "copied to the host and back: the scheme revises it there");
  }
}

}  // namespace
}  // namespace moeperf
