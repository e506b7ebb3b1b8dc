#include "benchmarks/inputs/problem.hpp"

#include "tests/catch.hpp"

#include <cstring>

namespace moeperf {
namespace {

TEST_CASE("the tokens that are measured do not depend on the number of balancing steps", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto tokens_after = [&](const std::string& pattern, const std::string& steps) {
    const SuiteConfig config = parse_config(
        "[model]\nhidden = 32\nintermediate = 16\nexperts = 8\ntop_k = 2\n[phase.prefill]\ntokens_per_rank = 5\n",
        "same.toml", {"traffic.pattern=" + pattern, "balancing.steps=" + steps});
    ExpertBank bank;
    Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
    const ConstRows x = problem.x();
    std::vector<std::byte> bytes(static_cast<std::size_t>(x.bytes()));
    std::memcpy(bytes.data(), x.data(), bytes.size());
    return bytes;
  };
  for (const auto& entry : traffic_registry().entries()) {
    if (entry.traits.prescribes) continue;
    INFO(entry.name);
    const auto without = tokens_after(entry.name, "0");
    CHECK((tokens_after(entry.name, "7") == without));
    CHECK((tokens_after(entry.name, "16777215") == without));
  }
}

}  // namespace
}  // namespace moeperf
