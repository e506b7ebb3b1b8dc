// Dispatchers for rows on the host serve a device whose memory the host cannot touch.
#include "comm/staged_dispatcher.hpp"

#include "tests/catch.hpp"
#include "tests/comm/device_rows.hpp"
#include "tests/comm/single_exchange.hpp"
#include "tests/matrix.hpp"
#include "tests/results/child.hpp"

#include <csignal>

namespace moeperf::test {
namespace {

TEST_CASE("the fake device's memory is out of the host's reach") {
  FakeDeviceKernels device;
  const std::vector<std::byte> bytes(64, std::byte{7});
  const RowBuffer rows = device.to_device(ConstRows(bytes.data(), 1, 16, DType::f32));
  const auto touch = [&] {
    std::signal(SIGSEGV, SIG_DFL);  // no report of it by those who watch over this program
    if (*std::as_const(rows).rows().row_data(0) != std::byte{7}) throw Error("the memory holds something else");
  };
  REQUIRE(end_of(start_child(touch)) == "signal " + std::to_string(SIGSEGV));
  device.device_memory().open([&] { REQUIRE(end_of(start_child(touch)) == ""); });
  const RowBuffer back = device.to_host(rows.rows());
  REQUIRE(std::memcmp(std::as_const(back).rows().data(), bytes.data(), bytes.size()) == 0);
}

TEST_CASE("the fake device does nothing before somebody waits") {
  FakeDeviceKernels device;
  const RowBuffer zeros = device.to_device(RowBuffer(1, 16, DType::f32).rows());
  std::vector<std::byte> host(64, std::byte{7});
  device.queue().copy(zeros.rows(), Rows(host.data(), 1, 16, DType::f32));
  REQUIRE(host[0] == std::byte{7});
}

TEST_CASE("every dispatcher serves rows in device memory", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  FakeDeviceKernels device;
  int num_served = 0;
  for (ExchangeCase spec : all_cases()) {
    for (const std::size_t type : {0, 1}) {
      spec.dtype = type == 0 ? DType::f32 : DType::bf16;
      const DispatchContext context = device_context(spec, comm, device);
      std::size_t step = spec.number;
      for (const auto& entry : dispatcher_registry().entries()) {
        if (!in_turn(step++, type, 2)) continue;
        if (dispatcher_registry().why_not(entry, context)) continue;
        SingleExchange dispatcher(entry.make(context));
        for (const bool split : {false, true}) {
          if (split && !dispatcher.can_overlap()) continue;
          const auto fault = first_device_fault(dispatcher, device, spec, comm, split);
          INFO("dispatcher " << entry.name << ", case '" << spec.name << "', " << name(spec.dtype) << ", rank "
                             << comm.rank() << ": " << fault.value_or("no fault here"));
          REQUIRE(comm.all(!fault));
        }
        ++num_served;
      }
    }
  }
  REQUIRE(num_served >= 4 * 13 * (matrix_is_thin() ? 1 : 2));
  REQUIRE(device.num_permuters == 0);  // rows on the host are the host's kernels' to pack
  REQUIRE(device.device_memory().num_blocks() == 0);
}

TEST_CASE("what a dispatcher can run on the host it can run for a device, for the same reasons", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  FakeDeviceKernels device;
  const DispatchContext context = device_context({}, comm, device);
  DispatchContext host = context;
  host.kernels = &host_kernels();
  for (const auto& entry : dispatcher_registry().entries()) {
    INFO(entry.name);
    REQUIRE(dispatcher_registry().why_not(entry, context) == dispatcher_registry().why_not(entry, host));
  }
}

TEST_CASE("how rows travel is told with the reason", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  FakeDeviceKernels device;
  DispatchContext context = device_context({}, comm, device);
  REQUIRE(make_dispatcher("reference", context)->row_path() ==
          "device, rows and routing staged through pageable host memory (its rows must be in host memory)");
  REQUIRE(make_dispatcher("mpi-alltoallv", context)->row_path() ==
          "device, rows and routing staged through pageable host memory (MPI libraries know no memory of this device)");
  context.kernels = &host_kernels();
  REQUIRE(make_dispatcher("mpi-alltoallv", context)->row_path() == "host");
}

TEST_CASE("an entry that refuses host rows, too, keeps its reason; one that takes device rows is left alone") {
  Communicator comm(MPI_COMM_SELF);
  FakeDeviceKernels device;
  const DispatchContext context = device_context({}, comm, device);
  KernelBackend* made_for = nullptr;
  DispatcherRegistry::Entry entry{"test", "", 0, {}, {}, ""};
  entry.make = [&](const DispatchContext& given) {
    made_for = given.kernels;
    return std::unique_ptr<Dispatcher>();
  };
  entry.unsupported_reason = [](const DispatchContext&) { return std::optional<std::string>("needs 3 ranks"); };
  REQUIRE(staged_where_refused(entry).unsupported_reason(context) == "needs 3 ranks");
  entry.unsupported_reason = [](const DispatchContext&) { return std::optional<std::string>(); };
  staged_where_refused(entry).make(context);
  REQUIRE(made_for == &device);
}

}  // namespace
}  // namespace moeperf::test
