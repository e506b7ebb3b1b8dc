#pragma once

#include "results/hdf5.hpp"
#include "results/model.hpp"

#include <cstdint>

namespace moeperf {

// The parts of a report as steps on the open file, and how many bytes each takes at most. `order` is the
// position among its siblings, for readers that know groups in alphabetical order only.

void write_header(hid_t file, const ReportHeader& header);
void write_case(hid_t file, const CaseResult& result, std::int64_t order);
void write_balancing(hid_t file, const BalancingTrajectory& trajectory, std::int64_t order);

std::int64_t bytes_of(const ReportHeader& header);
std::int64_t bytes_of(const CaseResult& result);
std::int64_t bytes_of(const BalancingTrajectory& trajectory);

/// Throws Error, naming it, for a case or trajectory that would not make a valid report.
void check_writable(const CaseResult& result);
void check_writable(const BalancingTrajectory& trajectory);

}  // namespace moeperf
