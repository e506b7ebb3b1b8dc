// Rows that an exchange takes in device memory never leave it.
#include "comm/dispatch/flat_dispatcher.hpp"

#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/dispatch/rows_for_mpi.hpp"
#include "comm/mpi/error.hpp"
#include "tests/catch.hpp"
#include "tests/comm/device_rows.hpp"
#include "tests/comm/single_exchange.hpp"

namespace moeperf::test {
namespace {

/// A device-aware library: it alone reaches the fake device's memory.
class DeviceAware final : public MpiRowExchange {
 public:
  DeviceAware(const DispatchContext& context, FakeDeviceMemory& memory) : MpiRowExchange(context), memory_(memory) {}

  void finish(Way) override {}
  void start(Way way, ConstRows from, Rows to, Overlap) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    all_on_device = all_on_device && from.space() == MemorySpace::device && to.space() == MemorySpace::device;
    memory_.open([&] {
      mpi_check(MPI_Alltoallv(from.data(), out.counts.data(), out.offsets.data(), row_type(way), to.data(),
                              in.counts.data(), in.offsets.data(), row_type(way), comm_.get()),
                "MPI_Alltoallv");
    });
  }

  bool all_on_device = true;

 private:
  FakeDeviceMemory& memory_;
};

TEST_CASE("the flat dispatcher leaves device rows on the device", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  FakeDeviceKernels device;
  for (const ExchangeCase& spec : all_cases()) {
    const DispatchContext context = device_context(spec, comm, device);
    auto exchange = std::make_unique<DeviceAware>(context, device.device_memory());
    const DeviceAware& seen = *exchange;
    SingleExchange dispatcher(make_flat_dispatcher(context, std::move(exchange)));
    for (int repeat = 0; repeat < 2; ++repeat) {
      const auto fault = first_device_fault(dispatcher, device, spec, comm, false);
      INFO("case '" << spec.name << "', rank " << comm.rank() << ": " << fault.value_or("no fault here"));
      REQUIRE(comm.all(!fault));
    }
    REQUIRE(comm.all(seen.all_on_device));
    REQUIRE(dispatcher.dispatcher().row_path().starts_with("device, handed to MPI"));
  }
}

TEST_CASE("MPI gets only memory that it says it takes") {
  Communicator comm(MPI_COMM_SELF);
  FakeDeviceKernels device;
  DispatchContext context = device_context({}, comm, device);
  REQUIRE(rows_for_mpi(context).has_value());
  REQUIRE(mpi_refuses_memory_of("").has_value());
  context.kernels = &host_kernels();
  REQUIRE_FALSE(rows_for_mpi(context).has_value());
}

}  // namespace
}  // namespace moeperf::test
