#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace moeperf {

class Communicator;

/// Why one-sided communication does not work between these ranks; nothing where it does. Collective, the same answer on
/// all ranks. Makes a window and puts some hundred KiB from each rank to its neighbours and across half the ranks, as
/// rows, several times over, and looks whether all lie there once flushed.
///
/// What it is for: Open MPI 4.1 cannot make windows between nodes over TCP (its remedies: `--mca osc pt2pt,sm`, or
/// UCX). And it takes libfabric's provider "net" for one that completes a put when the data have arrived, which it does
/// not (known for others, open-mpi/ompi issue 7982): MPI_Win_flush returns too early, and rows of 16 KiB come out
/// wrong.
std::optional<std::string> why_no_windows(const Communicator& comm);

/// The probe's data, of `source` in `round`: bytes none of which is what the same place held a round before.
void fill_probe(std::span<std::byte> bytes, int source, int round);
/// First byte that is not so; −1: none.
std::int64_t first_wrong_byte(std::span<const std::byte> bytes, int source, int round);

}  // namespace moeperf
