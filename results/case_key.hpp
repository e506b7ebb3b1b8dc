#pragma once

#include "results/report.hpp"

#include <set>
#include <string>
#include <vector>

namespace moeperf {

/// The value of an axis as people read it. A long list of tokens, one for each rank, is its sum: "16384-in-all".
std::string axis_text(const ReportAxis& axis, const CaseResult& result);

/// What the rows of a case do not say, for the line above them: "toy decode", "128 tokens per rank", "cpu", …
std::vector<std::string> heading_parts(const ReportAxes& axes, const CaseResult& result);

/// A case's coordinates in short: "dispatch/quick/prefill/none/mpi-alltoallv/cpu/bf16/tokens=512/topics/wire=fp8".
/// What does not apply to it is left out, and so is what is as usual. `without`: names of axes to leave out. It is a
/// function of the axes and the case alone, so that two reports call the same thing the same.
std::string case_key(const ReportAxes& axes, const CaseResult& result, const std::set<std::string>& without = {});

/// For each case, how many before it have its coordinates, itself counted: 1, but for workloads of one name.
std::vector<int> case_occurrences(const ReportAxes& axes, const std::vector<const CaseResult*>& cases);

/// Keys that are unique among the cases: the second of the same coordinates ends in "#2". Unless `without` makes
/// different cases one.
std::vector<std::string> unique_case_keys(const ReportAxes& axes, const std::vector<const CaseResult*>& cases,
                                          const std::set<std::string>& without = {});

}  // namespace moeperf
