#pragma once

#include "results/report.hpp"

#include <ostream>

namespace moeperf {

/// The terminal report, in three parts so that `run` can print as it goes and `show` prints the very
/// same from the file: a '#' preamble (environment, configuration, column names and units), one row
/// per part of a case, and the end (figures of merit as `metric = value unit` lines, scheme by scheme
/// comparison, verdict). Text only, no colour.
void show_preamble(std::ostream& out, const ReportHeader& header);
/// `previous`: the case shown before this one, if any; what both have in common is not said again.
void show_case(std::ostream& out, const ReportAxes& axes, const CaseResult& result, const CaseResult* previous);
void show_end(std::ostream& out, const Report& report);

void show_report(std::ostream& out, const Report& report);

}  // namespace moeperf
