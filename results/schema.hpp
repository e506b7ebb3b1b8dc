#pragma once

#include "results/report.hpp"
#include "results/statistics.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

/// Names in the file, for writer and reader alike; SCHEMA.md says what they mean.
namespace moeperf::schema {

/// Raised when a reader of older files would misread new ones; SCHEMA.md has the history.
constexpr std::int64_t version = 2;

inline constexpr std::array<std::pair<const char*, double WorkModel::*>, 7> work_fields{{
    {"flop_useful", &WorkModel::flop_useful},
    {"flop_executed", &WorkModel::flop_executed},
    {"memory_bytes", &WorkModel::memory_bytes},
    {"logical_bytes", &WorkModel::logical_bytes},
    {"useful_bytes", &WorkModel::useful_bytes},
    {"wire_bytes_intra", &WorkModel::wire_bytes_intra},
    {"wire_bytes_inter", &WorkModel::wire_bytes_inter},
}};

inline constexpr std::array<std::pair<const char*, std::string CaseResult::*>, 3> case_texts{{
    {"routing_checksum", &CaseResult::routing_checksum},
    {"skip_reason", &CaseResult::skip_reason},
    {"stop_reason", &CaseResult::stop_reason},
}};

/// Texts of an axis: columns of /axes.
inline constexpr std::array<std::pair<const char*, std::string ReportAxis::*>, 6> axis_texts{{
    {"name", &ReportAxis::name},
    {"unit", &ReportAxis::unit},
    {"usual", &ReportAxis::usual},
    {"usual_as", &ReportAxis::usual_as},
    {"key", &ReportAxis::key},
    {"heading", &ReportAxis::heading},
}};

/// Beside them: ReportAxis::heading_place.
inline constexpr const char* heading_place = "heading_place";

inline constexpr std::array<std::pair<const char*, std::string BalancingTrajectory::*>, 4> balancing_texts{{
    {"workload", &BalancingTrajectory::workload},
    {"phase_kind", &BalancingTrajectory::phase_kind},
    {"scheme", &BalancingTrajectory::scheme},
    {"kernel", &BalancingTrajectory::kernel},
}};

inline constexpr std::array<std::pair<const char*, double Summary::*>, 10> summary_fields{{
    {"median_s", &Summary::median_s},
    {"ci95_low_s", &Summary::ci95_low_s},
    {"ci95_high_s", &Summary::ci95_high_s},
    {"mean_s", &Summary::mean_s},
    {"stddev_s", &Summary::stddev_s},
    {"min_s", &Summary::min_s},
    {"max_s", &Summary::max_s},
    {"q1_s", &Summary::q1_s},
    {"q3_s", &Summary::q3_s},
    {"rank_mean_median_s", &Summary::rank_mean_median_s},
}};

}  // namespace moeperf::schema
