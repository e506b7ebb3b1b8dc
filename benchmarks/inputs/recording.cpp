#include "benchmarks/inputs/recording.hpp"

#include "comm/mpi/error.hpp"
#include "harness/agreement.hpp"
#include "kernels/base/counted.hpp"
#include "results/routing_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace moeperf {
namespace {

RecordedRouting read_here(const RecordingSource& source, const GateConfig& gate) {
  const std::string& path = source.file;
  RoutingFile file =
      read_routing(path, {source.layout, source.layer, source.table + ".layout", source.table + ".layer"});
  if (file.num_experts != gate.num_experts || file.top_k != gate.top_k) {
    throw UserError(
        fmt::format("{}: found a routing over {} experts, top_k {}; accepted: model.experts ({}), "
                    "model.top_k ({})",
                    path, file.num_experts, file.top_k, gate.num_experts, gate.top_k));
  }
  RecordedRouting recording{path,       file.num_steps,          file.num_tokens,        gate.num_experts,
                            gate.top_k, std::move(file.indices), std::move(file.weights)};
  if (recording.weights.empty()) {
    for (const std::int32_t expert : recording.indices) {
      recording.weights.push_back(expert < 0 ? 0.0f : 1.0f / static_cast<float>(gate.top_k));
    }
  }
  const std::string reason = why_unfit(recording);
  if (!reason.empty()) throw UserError(path + ": " + reason);
  if (source.step >= recording.num_steps) {
    throw UserError(fmt::format("{}: found {}; accepted: {}.step ({}) below that", path,
                                counted(recording.num_steps, "step"), source.table, source.step));
  }
  return recording;
}

template <class T>
void broadcast(const Communicator& comm, std::vector<T>& values, std::int64_t count) {
  constexpr std::int64_t piece = std::int64_t{1} << 28;  // elements of four bytes: 1 GiB, which an int can count
  values.resize(static_cast<std::size_t>(count));
  if (!comm.has_mpi()) return;
  for (std::int64_t first = 0; first < count; first += piece) {
    const auto bytes = static_cast<std::int64_t>(sizeof(T)) * std::min(piece, count - first);
    mpi_check(MPI_Bcast(values.data() + first, static_cast<int>(bytes), MPI_BYTE, 0, comm.get()), "MPI_Bcast");
  }
}

}  // namespace

std::shared_ptr<const RecordedRouting> read_recording(const Communicator& comm, const RecordingSource& source,
                                                      const GateConfig& gate) {
  auto recording = std::make_shared<RecordedRouting>();
  on_root(comm, [&] { *recording = read_here(source, gate); });
  std::int64_t extents[]{recording->num_steps, recording->num_tokens};
  if (comm.has_mpi()) mpi_check(MPI_Bcast(extents, 2, MPI_INT64_T, 0, comm.get()), "MPI_Bcast");
  recording->source = source.file;
  recording->num_steps = extents[0];
  recording->num_tokens = extents[1];
  recording->num_experts = gate.num_experts;
  recording->top_k = gate.top_k;
  const std::int64_t copies = extents[0] * extents[1] * gate.top_k;
  broadcast(comm, recording->indices, copies);
  broadcast(comm, recording->weights, copies);
  return recording;
}

}  // namespace moeperf
