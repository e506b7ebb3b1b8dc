#pragma once

#include "results/axes.hpp"

namespace moeperf::test {

/// The axes of the program's reports, whose names and keys are permanent: a test of the program's own axes holds them
/// against these.
inline ReportAxes example_axes() {
  return {
      {.name = "benchmark"},
      {.name = "workload"},
      {.name = "phase", .heading = "{workload} {}", .heading_place = 10},
      {.name = "scheme"},
      {.name = "dispatcher", .heading = "dispatcher {}", .heading_place = 50},
      {.name = "kernel", .heading = "kernel {}", .heading_place = 40},
      {.name = "dtype", .heading = "{}", .heading_place = 30},
      {.name = "tokens", .unit = "per rank", .key = "tokens={}", .heading = "{} tokens per rank", .heading_place = 20},
      {.name = "traffic", .heading = "{} traffic", .heading_place = 80},
      {.name = "wire", .usual_as = "dtype", .key = "wire={}", .heading = "{} on the wire", .heading_place = 60},
      {.name = "chunks", .usual = "1", .key = "chunks={}", .heading = "in {} chunks", .heading_place = 70},
      {.name = "weights", .usual = "full", .key = "weights={}", .heading = "{} expert weights", .heading_place = 90}};
}

}  // namespace moeperf::test
