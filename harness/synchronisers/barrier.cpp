// barrier: MPI_Barrier. Ranks leave it up to one barrier's latency apart.

#include "harness/synchroniser.hpp"

namespace moeperf {
namespace {

class BarrierSynchroniser final : public Synchroniser {
 public:
  explicit BarrierSynchroniser(const Communicator& comm) : comm_(comm) {}
  const char* name() const override { return "barrier"; }
  std::string_view align() override {
    comm_.barrier();
    return {};
  }

 private:
  const Communicator& comm_;
};

const Registration registration(synchroniser_registry(),
                                {.name = "barrier",
                                 .summary = "MPI_Barrier before each timed part",
                                 .priority = 0,
                                 .unsupported_reason = {},
                                 .make = [](const SynchroniserContext& context) -> std::unique_ptr<Synchroniser> {
                                   return std::make_unique<BarrierSynchroniser>(context.comm);
                                 },
                                 .missing_option = {}});

}  // namespace
}  // namespace moeperf
