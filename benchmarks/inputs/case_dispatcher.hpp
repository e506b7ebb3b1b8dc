#pragma once

#include "benchmarks/configuration/case_spec.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "comm/dispatcher.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moeperf {

/// What a case's rows travel as.
WireType wire_of(const Problem& problem, const CaseSpec& spec);

/// A case's dispatcher for a problem's rows, on the problem's communicator or another of the same ranks, which outlives
/// it. Collective.
std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec);
std::unique_ptr<Dispatcher> make_dispatcher(Problem& problem, const CaseSpec& spec, Communicator& comm);

/// What that dispatcher is made for.
DispatchContext dispatch_context(Problem& problem, const CaseSpec& spec, Communicator& comm);

/// The dispatchers that a run asks for, all but the reference where it does not say, each with the reason why it cannot
/// run here, if any. Collective.
std::vector<std::pair<std::string, std::string>> dispatchers_to_tune(Problem& problem, const CaseSpec& spec);

/// What `auto` means for these ranks.
std::string best_dispatcher(Problem& problem, const std::string& kernel);

}  // namespace moeperf
