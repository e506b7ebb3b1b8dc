#pragma once

#include "results/hdf5.hpp"
#include "results/report.hpp"

#include <cstdint>

namespace moeperf {

// The parts of a report as steps on the open file, and how many bytes each takes at most. `order` is the
// position among its siblings, for readers that know groups in alphabetical order only.

/// The file's frame, with its first launch.
void write_beginning(hid_t file, const ReportHeader& header);
/// One more launch; `order` counts from 0.
void write_launch(hid_t file, const ReportHeader& header, std::int64_t order);
/// When and why a launch ended, and what the whole report is worth then.
void write_end(hid_t file, std::int64_t launch, const std::string& end_time, const std::string& ended_early,
               const std::string& status);
void write_case(hid_t file, const CaseResult& result, std::int64_t order);
void write_balancing(hid_t file, const BalancingTrajectory& trajectory, std::int64_t order);

std::int64_t bytes_of(const ReportHeader& header);
std::int64_t bytes_of(const CaseResult& result);
std::int64_t bytes_of(const BalancingTrajectory& trajectory);

/// Throws Error, naming it, for a case or trajectory that would not make a valid report.
void check_writable(const CaseResult& result);
void check_writable(const BalancingTrajectory& trajectory);

}  // namespace moeperf
