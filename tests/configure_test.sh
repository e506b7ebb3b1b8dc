#!/usr/bin/env bash
# What CMake is told holds: an optional part is AUTO, ON or OFF, and the target `moeperf` brings its workloads. Arguments:
# the source folder, cmake, a folder to configure in, options of the compilers.
set -euo pipefail
source_dir=$1 cmake=$2 work=$3
rm -rf "$work"
configure() { "$cmake" -S "$source_dir" -B "$work" -DMOEPERF_TESTS=OFF "$@" >"$work.log" 2>&1; }
without_ucx=-DCMAKE_DISABLE_FIND_PACKAGE_UCX=ON
fail() {
  tail -n 30 "$work.log"
  echo "FAILED: $*"
  exit 1
}
# WORDS: CMake wraps its messages.
says() { tr -s ' \n' ' ' <"$work.log" | grep -qF -- "$1"; }

! configure "${@:4}" "$without_ucx" -DMOEPERF_UCX=ON || fail "ON without the library is no error"
says 'UCX 1.12 (MOEPERF_UCX=ON): Debian and Ubuntu libucx-dev, Spack ucx' || fail "what ON misses is not named"
! configure -DMOEPERF_UCX=maybe || fail "MOEPERF_UCX=maybe is taken"
says 'accepted: AUTO (where it is found), ON (must be found), OFF' || fail "what is accepted is not said"
configure -DMOEPERF_UCX=AUTO || fail "AUTO without the library is an error"
says "'ucx' is left out" || fail "that AUTO left ucx out is not said"
configure "$without_ucx" -DMOEPERF_UCX=OFF || fail "OFF is an error"
configure -UMOEPERF_TESTS -DBUILD_TESTING=OFF || fail "BUILD_TESTING=OFF is an error"
grep -qx 'MOEPERF_TESTS:BOOL=OFF' "$work/CMakeCache.txt" || fail "BUILD_TESTING=OFF leaves the tests on"
# What would be built, where the build tool tells it without building: Ninja. (Make runs some of it.)
if [[ -e $work/build.ninja ]]; then
  "$cmake" --build "$work" --target moeperf -- -t commands >"$work.log" 2>&1 || fail "no target moeperf"
  says quick.toml || fail "the target moeperf does not bring the workloads"
fi
echo "optional parts are AUTO, ON or OFF; BUILD_TESTING holds; moeperf comes with its workloads"
