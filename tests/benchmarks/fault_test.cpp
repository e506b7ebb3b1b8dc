#include "benchmarks/suite/benchmark_kind.hpp"
#include "comm/dispatcher.hpp"
#include "harness/runner.hpp"
#include "tests/catch.hpp"

#include <cmath>

namespace moeperf {
namespace {

/// Drops the last row of what another dispatcher delivers: the fault that verification must find.
class LosesAToken final : public Dispatcher {
 public:
  explicit LosesAToken(const DispatchContext& context) : honest_(dispatcher_registry().make("reference", context)) {}
  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override { return honest_->dispatch(x, routing); }
  void combine(ConstRows expert_out, Rows out) override {
    honest_->combine(expert_out, out);
    if (out.num_rows() > 0) std::fill_n(out.row_data(out.num_rows() - 1), out.row_bytes(), std::byte{0});
  }
  WireBytes dispatch_bytes() const override { return honest_->dispatch_bytes(); }
  WireBytes combine_bytes() const override { return honest_->combine_bytes(); }

 private:
  std::unique_ptr<Dispatcher> honest_;
};

/// The reference kernels, of which a test breaks a part.
class ReferenceKernels : public KernelBackend {
 public:
  explicit ReferenceKernels(const KernelContext& context) : honest_(kernel_registry().make("reference", context)) {}
  Queue& queue() override { return honest_->queue(); }
  MemoryResource& memory() override { return honest_->memory(); }
  std::string description() const override { return "broken on purpose"; }
  std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden) override {
    return honest_->make_gate(config, hidden);
  }
  std::unique_ptr<Permuter> make_permuter() override { return honest_->make_permuter(); }
  std::unique_ptr<RowCodec> make_row_codec(WireType type) override { return honest_->make_row_codec(type); }
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) override {
    return honest_->make_plain_gemm(m, n, k, dtype);
  }
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_slots) override {
    return honest_->make_expert_ffn(shape, num_slots);
  }

 private:
  std::unique_ptr<KernelBackend> honest_;
};

/// Experts that compute nothing.
class NullExperts final : public ReferenceKernels {
 public:
  using ReferenceKernels::ReferenceKernels;
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape&, std::int32_t) override {
    struct Nothing final : ExpertFfn {
      void load(std::int32_t, const ExpertWeights&) override {}
      void forward(ConstRows, std::span<const std::int64_t>, std::span<const std::int32_t>, Rows) override {}
      std::int64_t executed_flop(std::span<const std::int64_t>) const override { return 0; }
    };
    return std::make_unique<Nothing>();
  }
};

/// A gate that looks at everything but the bias.
class DeafGate final : public Gate {
 public:
  explicit DeafGate(std::unique_ptr<Gate> honest) : honest_(std::move(honest)) {}
  void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) override {
    GateState deaf = copy_of(state);
    std::fill(deaf.bias.begin(), deaf.bias.end(), 0.0f);
    honest_->forward(x, deaf, logits, routing);
  }
  void select(ConstRows logits, std::span<const float>, Routing& routing) override {
    honest_->select(logits, {}, routing);
  }

 private:
  std::unique_ptr<Gate> honest_;
};

class DeafToBias final : public ReferenceKernels {
 public:
  using ReferenceKernels::ReferenceKernels;
  std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden) override {
    return std::make_unique<DeafGate>(ReferenceKernels::make_gate(config, hidden));
  }
};

/// A codec that leaves out the sign of each row's last element.
class SignlessCodec final : public RowCodec {
 public:
  explicit SignlessCodec(std::unique_ptr<RowCodec> honest) : honest_(std::move(honest)) {}
  void encode(ConstRows rows, Rows wire) override { honest_->encode(rows, wire); }
  void decode(ConstRows wire, Rows rows) override {
    honest_->decode(wire, rows);
    for (std::int64_t i = 0; i < rows.num_rows(); ++i) {
      float& last = rows.row<float>(i)[rows.num_cols() - 1];
      last = std::abs(last);
    }
  }

 private:
  std::unique_ptr<RowCodec> honest_;
};

class LosesSigns final : public ReferenceKernels {
 public:
  using ReferenceKernels::ReferenceKernels;
  std::unique_ptr<RowCodec> make_row_codec(WireType type) override {
    return std::make_unique<SignlessCodec>(ReferenceKernels::make_row_codec(type));
  }
};

template <class Kernels>
void register_kernels(const std::string& name) {
  kernel_registry().add({name,
                         "broken on purpose",
                         -1,
                         {},
                         [](const KernelContext& context) -> std::unique_ptr<KernelBackend> {
                           return std::make_unique<Kernels>(context);
                         },
                         ""});
}

SuiteConfig small_config() {
  return parse_config(
      "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\ndtype = \"f32\"\n[balancing]\nsteps = "
      "40\nloss-free.bias_rate = 0.02\n"
      "[phase.prefill]\ntokens_per_rank = 9\n[traffic]\npattern = \"uniform\"\n",
      "broken.toml", {});
}

Verification verification_of(const std::string& benchmark, const std::string& kernel, const std::string& dispatcher,
                             const std::string& scheme = "none", std::optional<WireType> wire = {}) {
  Communicator comm(MPI_COMM_WORLD);
  const SuiteConfig config = small_config();
  ExpertBank bank;
  Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
  BarrierSynchroniser barrier(comm);
  Watch watch;
  CaseResult result;
  for (const BenchmarkKind& kind : benchmark_kinds()) {
    if (kind.name != benchmark) continue;
    auto made = kind.make(problem, {kernel, scheme, dispatcher, 1, wire});
    run_case(*made, comm, barrier, SamplingPlan{1, 3, 0.0, 0.5}, watch, result);
  }
  INFO(result.skipped);
  REQUIRE(result.skipped.empty());
  return result.verification;
}

bool passes(const std::string& benchmark, const std::string& kernel, const std::string& dispatcher,
            const std::string& scheme = "none", std::optional<WireType> wire = {}) {
  return verification_of(benchmark, kernel, dispatcher, scheme, wire).passed;
}

void register_faults() {
  static bool registered = false;
  if (registered) return;
  dispatcher_registry().add({"test-loses-a-token",
                             "broken on purpose",
                             -1,
                             {},
                             [](const DispatchContext& context) {
                               return std::unique_ptr<Dispatcher>(std::make_unique<LosesAToken>(context));
                             },
                             ""});
  register_kernels<NullExperts>("test-null-experts");
  register_kernels<DeafToBias>("test-deaf-to-bias");
  register_kernels<LosesSigns>("test-loses-signs");
  registered = true;
}

TEST_CASE("lost tokens, lost signs, null experts and a gate without bias are caught, honest ones are not", "[mpi]") {
  register_faults();
  for (const std::string benchmark : {"dispatch", "combine", "layer", "expert"}) {
    INFO(benchmark);
    REQUIRE(passes(benchmark, "reference", "mpi-alltoallv"));
  }
  for (const std::string benchmark : {"balance", "layer"}) {
    INFO(benchmark);
    REQUIRE(passes(benchmark, "reference", "mpi-alltoallv", "loss-free"));
    REQUIRE_FALSE(passes(benchmark, "test-deaf-to-bias", "mpi-alltoallv", "loss-free"));
  }
  for (const std::string benchmark : {"dispatch", "combine", "layer"}) {
    for (const WireType wire : {WireType::fp8, WireType::bf16}) {
      INFO(benchmark << " with rows as " << name(wire));
      REQUIRE(passes(benchmark, "reference", "mpi-alltoallv", "none", wire));
      REQUIRE_FALSE(passes(benchmark, "test-loses-signs", "mpi-alltoallv", "none", wire));
    }
  }
  REQUIRE_FALSE(passes("dispatch", "reference", "test-loses-a-token"));
  REQUIRE_FALSE(passes("combine", "reference", "test-loses-a-token"));
  REQUIRE_FALSE(passes("layer", "test-null-experts", "mpi-alltoallv"));
  REQUIRE_FALSE(passes("expert", "test-null-experts", "-"));
}

TEST_CASE("the state of a scheme is that of its kernel, also where another kernel came first", "[mpi]") {
  register_faults();
  Communicator comm(MPI_COMM_WORLD);
  const SuiteConfig config = small_config();
  ExpertBank bank;
  Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
  const std::vector<float> honest = problem.state("loss-free", "reference").gate.bias;
  const std::vector<float> deaf = problem.state("loss-free", "test-deaf-to-bias").gate.bias;
  REQUIRE(honest != deaf);
  REQUIRE(problem.state("loss-free", "reference").gate.bias == honest);
}

TEST_CASE("what failed is named, on whichever rank it did", "[mpi]") {
  register_faults();
  const Verification deaf = verification_of("layer", "test-deaf-to-bias", "mpi-alltoallv", "loss-free");
  REQUIRE_FALSE(deaf.passed);
  REQUIRE(deaf.failed ==
          std::vector<std::string>{"the choice of tokens drawn from the seed against the reference gate, bit for bit"});
  REQUIRE(verification_of("layer", "reference", "mpi-alltoallv", "loss-free").failed.empty());
}

}  // namespace
}  // namespace moeperf
