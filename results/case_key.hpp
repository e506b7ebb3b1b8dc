#pragma once

#include "results/model.hpp"

#include <array>
#include <set>
#include <string>
#include <vector>

namespace moeperf {

/// One coordinate of a case.
struct CaseAxis {
  const char* name;  ///< heads columns, e.g. "scheme"
  const char* unit;
  std::string CaseResult::*value;
};

/// All coordinates of a case. No two cases of a run agree in all of them, unless two of its workloads have one name.
inline constexpr std::array<CaseAxis, 12> case_axes{{
    {"benchmark", "", &CaseResult::benchmark},
    {"workload", "", &CaseResult::workload},
    {"phase", "", &CaseResult::phase_kind},
    {"scheme", "", &CaseResult::scheme},
    {"dispatcher", "", &CaseResult::dispatcher},
    {"kernel", "", &CaseResult::kernel},
    {"dtype", "", &CaseResult::dtype},
    {"tokens", "per rank", &CaseResult::tokens_per_rank},
    {"traffic", "", &CaseResult::traffic},
    {"wire", "", &CaseResult::wire},
    {"chunks", "", &CaseResult::chunks},
    {"weights", "", &CaseResult::expert_weights},
}};

/// The value of an axis as people read it. A long list of tokens, one for each rank, is its sum: "16384-in-all".
std::string axis_text(const CaseResult& result, const CaseAxis& axis);

/// A case's coordinates in short: "dispatch/quick/prefill/none/mpi-alltoallv/cpu/bf16/tokens=512/topics/wire=fp8".
/// What does not apply to it is left out, and so are wire, chunks and weights where they are the usual ones. `without`:
/// names of axes to leave out. It is a function of the case alone, so that two reports call the same thing the same.
std::string case_key(const CaseResult& result, const std::set<std::string>& without = {});

/// For each case, how many before it have its coordinates, itself counted: 1, but for workloads of one name.
std::vector<int> case_occurrences(const std::vector<const CaseResult*>& cases);

/// Keys that are unique among the cases: the second of the same coordinates ends in "#2". Unless `without` makes
/// different cases one.
std::vector<std::string> unique_case_keys(const std::vector<const CaseResult*>& cases,
                                          const std::set<std::string>& without = {});

}  // namespace moeperf
