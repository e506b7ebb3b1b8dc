#pragma once

// Catch2 2 and 3 behind one include.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace moeperf::test {
#if __has_include(<catch2/catch_all.hpp>)
using Catch::Approx;
#else
using Catch::Detail::Approx;
#endif
}  // namespace moeperf::test

// Catch2 2 has it in every namespace: so that what compiles with one compiles with the other.
namespace moeperf {
using test::Approx;
}
