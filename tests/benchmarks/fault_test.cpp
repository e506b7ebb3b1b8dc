#include "benchmarks/configuration/config.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "comm/forwarding_dispatcher.hpp"
#include "harness/machine.hpp"
#include "harness/runner.hpp"
#include "tests/catch.hpp"

#include <cmath>

namespace moeperf {
namespace {

/// A dispatcher whose handles are Broken ones around those of another.
template <class Broken>
class BrokenDispatcher final : public ForwardingDispatcher {
 public:
  explicit BrokenDispatcher(const DispatchContext& context)
      : ForwardingDispatcher(dispatcher_registry().make(Broken::honest, context)) {}
  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<Broken>(inner().make_dispatch()); }
};

/// Drops the last row of what another dispatcher delivers: the fault that verification must find.
struct LosesAToken final : ForwardingDispatch {
  static constexpr const char* honest = "reference";
  using ForwardingDispatch::ForwardingDispatch;
  void finish_combine(Rows out) override {
    ForwardingDispatch::finish_combine(out);
    if (out.num_rows() > 0) std::fill_n(out.row_data(out.num_rows() - 1), out.row_bytes(), std::byte{0});
  }
};

/// Delivers everything and says that it sent nothing.
struct BooksNothing final : ForwardingDispatch {
  static constexpr const char* honest = "mpi-alltoallv";
  using ForwardingDispatch::ForwardingDispatch;
  WireBytes dispatch_bytes() const override { return {}; }
  WireBytes combine_bytes() const override { return {}; }
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
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets) override {
    return honest_->make_expert_ffn(shape, num_sets);
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
      using ExpertFfn::forward;
      void forward(ConstRows, const RowGroups&, std::span<const std::int32_t>, Rows) override {}
      std::int64_t executed_flop(const RowGroups&) const override { return 0; }
    };
    return std::make_unique<Nothing>();
  }
};

/// A plain product whose last quarter of rows is nobody's: what becomes of it when a team lacks threads.
class TruncatedGemm final : public PlainGemm {
 public:
  explicit TruncatedGemm(std::unique_ptr<PlainGemm> honest) : honest_(std::move(honest)) {}
  void run() override {
    const Rows c = honest_->product();
    const std::int64_t lost = c.num_rows() / 4;
    const Rows last = c.slice(c.num_rows() - lost, lost);
    const RowBuffer before = copy_of(last);
    honest_->run();
    copy_rows(before.rows(), last);
  }
  std::int64_t flop() const override { return honest_->flop(); }
  Rows product() override { return honest_->product(); }

 private:
  std::unique_ptr<PlainGemm> honest_;
};

/// One that forgets a term of each sum.
class ShallowGemm final : public PlainGemm {
 public:
  ShallowGemm(std::unique_ptr<PlainGemm> shallow, std::int64_t flop) : shallow_(std::move(shallow)), flop_(flop) {}
  void run() override { shallow_->run(); }
  std::int64_t flop() const override { return flop_; }
  Rows product() override { return shallow_->product(); }

 private:
  std::unique_ptr<PlainGemm> shallow_;
  std::int64_t flop_;
};

class TruncatesProducts final : public ReferenceKernels {
 public:
  using ReferenceKernels::ReferenceKernels;
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) override {
    return std::make_unique<TruncatedGemm>(ReferenceKernels::make_plain_gemm(m, n, k, dtype));
  }
};

class ForgetsATerm final : public ReferenceKernels {
 public:
  using ReferenceKernels::ReferenceKernels;
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) override {
    return std::make_unique<ShallowGemm>(ReferenceKernels::make_plain_gemm(m, n, k - 1, dtype), 2 * m * n * k);
  }
};

/// Another benchmark, of which one part does nothing any more once the outputs are poisoned.
class SleepsThrough final : public Benchmark {
 public:
  SleepsThrough(std::unique_ptr<Benchmark> honest, std::size_t part) : honest_(std::move(honest)), part_(part) {}
  void prepare() override { honest_->prepare(); }
  std::vector<PartInfo> parts() const override { return honest_->parts(); }
  WorkModel work(std::size_t part) const override { return honest_->work(part); }
  void run(std::size_t part) override {
    if (!poisoned_ || part != part_) honest_->run(part);
  }
  void poison() override {
    honest_->poison();
    poisoned_ = true;
  }
  Verification verify() override { return honest_->verify(); }

 private:
  std::unique_ptr<Benchmark> honest_;
  std::size_t part_;
  bool poisoned_ = false;
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

template <class Broken>
void register_dispatcher(const std::string& name) {
  dispatcher_registry().add({name,
                             "broken on purpose",
                             -1,
                             {},
                             [](const DispatchContext& context) -> std::unique_ptr<Dispatcher> {
                               return std::make_unique<BrokenDispatcher<Broken>>(context);
                             },
                             ""});
}

SuiteConfig small_config() {
  return parse_config(
      "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\ndtype = \"f32\"\n[balancing]\nsteps = "
      "40\nloss-free.bias_rate = 0.02\n"
      "[phase.prefill]\ntokens_per_rank = 9\n[traffic]\npattern = \"uniform\"\n[run]\ndispatchers = "
      "[\"mpi-alltoallv\", "
      "\"mpi-pairwise\"]\n",
      "broken.toml", {});
}

CaseSpec spec_of(const std::string& kernel, const std::string& scheme, const std::string& dispatcher) {
  return {{"kernel", kernel}, {"scheme", scheme}, {"dispatcher", dispatcher}};
}

/// The case, of which one part sleeps where that is said.
CaseResult result_of(const std::string& benchmark, const CaseSpec& spec, std::optional<std::size_t> asleep = {}) {
  Communicator comm(MPI_COMM_WORLD);
  const SuiteConfig config = small_config();
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
  const Instruments instruments(comm);
  Watch watch;
  CaseResult result;
  for (const BenchmarkKind& kind : benchmark_kinds()) {
    if (kind.name != benchmark) continue;
    auto made = kind.make(problem, spec);
    if (asleep) made = std::make_unique<SleepsThrough>(std::move(made), *asleep);
    run_case(*made, comm, instruments, SamplingPlan{1, 3, 0.0, 0.5}, watch, result);
  }
  INFO(result.skip_reason);
  REQUIRE(result.skip_reason.empty());
  return result;
}

TEST_CASE("a dispatcher that books no bytes makes dispatch, combine and layer wrong, and they say so", "[mpi]") {
  static bool registered = false;
  if (!registered) register_dispatcher<BooksNothing>("test-books-nothing");
  registered = true;
  for (const std::string benchmark : {"dispatch", "combine", "layer"}) {
    for (const std::string chunks : {"1", "2"}) {
      if (chunks != "1" && benchmark != "layer") continue;
      INFO(benchmark << " in " << chunks << " chunks");
      const Verification found =
          result_of(benchmark, spec_of("reference", "none", "test-books-nothing").with("chunks", chunks)).verification;
      REQUIRE_FALSE(found.passed);
      REQUIRE_FALSE(found.failed.empty());
      REQUIRE(found.failed[0].find("dispatch books 0 bytes") != std::string::npos);
      const Verification honest =
          result_of(benchmark, spec_of("reference", "none", "mpi-alltoallv").with("chunks", chunks)).verification;
      REQUIRE(honest.passed);
      REQUIRE(honest.scope.find("bytes booked") != std::string::npos);
    }
  }
}

bool passes(const std::string& benchmark, const std::string& kernel, const std::string& dispatcher,
            const std::string& scheme = "none", const std::string& wire = "-") {
  return result_of(benchmark, spec_of(kernel, scheme, dispatcher).with("wire", wire)).verification.passed;
}

void register_faults() {
  static bool registered = false;
  if (registered) return;
  register_dispatcher<LosesAToken>("test-loses-a-token");
  register_kernels<NullExperts>("test-null-experts");
  register_kernels<DeafToBias>("test-deaf-to-bias");
  register_kernels<LosesSigns>("test-loses-signs");
  register_kernels<TruncatesProducts>("test-truncates-products");
  register_kernels<ForgetsATerm>("test-forgets-a-term");
  registered = true;
}

TEST_CASE(
    "lost tokens and signs, null experts, a gate without bias and partial products are caught, honest ones are not",
    "[mpi]") {
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
    for (const std::string wire : {"fp8", "bf16"}) {
      INFO(benchmark << " with rows as " << wire);
      REQUIRE(passes(benchmark, "reference", "mpi-alltoallv", "none", wire));
      REQUIRE_FALSE(passes(benchmark, "test-loses-signs", "mpi-alltoallv", "none", wire));
    }
  }
  REQUIRE_FALSE(passes("dispatch", "reference", "test-loses-a-token"));
  REQUIRE_FALSE(passes("combine", "reference", "test-loses-a-token"));
  REQUIRE_FALSE(passes("layer", "test-null-experts", "mpi-alltoallv"));
  REQUIRE_FALSE(passes("expert", "test-null-experts", "-"));
  for (const std::string benchmark : {"gate", "expert"}) {
    for (const std::string kernel : {"test-truncates-products", "test-forgets-a-term"}) {
      INFO(benchmark << " beside a product that " << kernel);
      REQUIRE_FALSE(passes(benchmark, kernel, "-"));
    }
  }
}

TEST_CASE("a part that does nothing is caught, be it a result or a baseline", "[mpi]") {
  for (const std::string benchmark : {"gate", "permute", "expert", "dispatch", "combine", "link", "tune"}) {
    if (benchmark == "link" && Communicator(MPI_COMM_WORLD).size() == 1) continue;
    const CaseSpec spec = spec_of("reference", "none", benchmark == "tune" ? "-" : "mpi-alltoallv");
    const CaseResult honest = result_of(benchmark, spec);
    REQUIRE(honest.verification.passed);
    for (std::size_t part = 0; part < honest.measurements.size(); ++part) {
      INFO(benchmark << ", " << honest.measurements[part].part);
      REQUIRE_FALSE(result_of(benchmark, spec, part).verification.passed);
    }
  }
}

TEST_CASE("the state of a scheme is that of its kernel, also where another kernel came first", "[mpi]") {
  register_faults();
  Communicator comm(MPI_COMM_WORLD);
  const SuiteConfig config = small_config();
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
  const std::vector<float> honest = problem.state("loss-free", "reference").gate.bias;
  const std::vector<float> deaf = problem.state("loss-free", "test-deaf-to-bias").gate.bias;
  REQUIRE(honest != deaf);
  REQUIRE(problem.state("loss-free", "reference").gate.bias == honest);
}

TEST_CASE("what failed is named, on whichever rank it did", "[mpi]") {
  register_faults();
  const Verification deaf = result_of("layer", spec_of("test-deaf-to-bias", "loss-free", "mpi-alltoallv")).verification;
  REQUIRE_FALSE(deaf.passed);
  REQUIRE(deaf.failed ==
          std::vector<std::string>{"the choice of tokens drawn from the seed against the reference gate, bit for bit"});
  REQUIRE(result_of("layer", spec_of("reference", "loss-free", "mpi-alltoallv")).verification.failed.empty());
}

}  // namespace
}  // namespace moeperf
