#pragma once

#include "results/report.hpp"

namespace moeperf {

/// A report for publishing: without the names of hosts, users and jobs, without paths but their last name, and without
/// network addresses, wherever environment, command line, remarks and reasons hold them. A host becomes "host-XXXXXXXX",
/// the same in every report, so that reports of one machine are still told from those of another; whoever guesses a
/// name can test the guess. Samples, figures and configuration stay (but for paths); the status is the one that follows.
Report scrubbed(const Report& report);

}  // namespace moeperf
