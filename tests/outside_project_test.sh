#!/usr/bin/env bash
# A small project outside (tests/outside_project) finds the installed library of the layer, links it and runs a layer, in
# which nothing that registers itself is missing; the same project takes the sources as a part of itself. Arguments: the
# source folder, the build folder, cmake, a folder to work in, the program moeperf, options of CMake; LAUNCHER: words that
# start ranks, before their number.
set -euo pipefail
source_dir=$1 build=$2 cmake=$3 work=$4 moeperf=$5
options=("${@:6}" -DCMAKE_BUILD_TYPE=)
read -ra launcher <<<"$LAUNCHER"
fail() {
  tail -n 30 "$work/log" 2>/dev/null || true
  echo "FAILED: $*"
  exit 1
}
rm -rf "$work"
mkdir -p "$work"
quiet() { "$@" >"$work/log" 2>&1; }

# --- installed ---

quiet "$cmake" --install "$build" --component layer --prefix "$work/prefix" || fail "the library does not install"
[[ ! -e $work/prefix/bin && ! -e $work/prefix/share ]] || fail "the component layer brings the program"
quiet "$cmake" -S "$source_dir/tests/outside_project" -B "$work/installed" "${options[@]}" \
  -Dmoeperf_ROOT="$work/prefix" || fail "the outside project does not find the library"
quiet "$cmake" --build "$work/installed" || fail "the outside project does not build"
# Headers come from where they were installed, not from here.
! strings -a "$work/installed/CMakeFiles/outside.dir/main.cpp.o" | grep -qF "$source_dir/kernels" ||
  fail "the installed package points into the source folder"
! grep -rqF "$source_dir" "$work/prefix/lib"*/cmake "$work/prefix/lib"*/*/cmake 2>/dev/null ||
  fail "the installed package names the source folder"
for ranks in 1 2; do
  quiet "${launcher[@]}" "$ranks" "$work/installed/outside" || fail "a layer on $ranks ranks"
  grep -q "^ranks $ranks, layers [0-9]*, wrong 0\$" "$work/log" || fail "no layer was run on $ranks ranks"
done

# What registers itself in the program does so in the library.
"$moeperf" list --json >"$work/list.json" || fail "moeperf list"
for kind in dispatchers kernels schemes; do
  wanted=$(tr -d '\n' <"$work/list.json" | grep -o "\"$kind\": *\[[^]]*\]" | grep -o '"name": *"[^"]*"' | cut -d'"' -f4 | sort | xargs)
  have=$(sed -n "s/^$kind //p" "$work/log" | tr ' ' '\n' | sort | xargs)
  [[ -n $wanted && $wanted == "$have" ]] || fail "$kind of the program: $wanted; of the library: $have"
done

# --- as a part of another project: configured, and its own file compiled ---

configure_part() {
  quiet "$cmake" -S "$source_dir/tests/outside_project" -B "$work/part" "${options[@]}" -DMOEPERF_SOURCE="$source_dir" \
    -DCMAKE_DISABLE_FIND_PACKAGE_HDF5=ON -DCMAKE_DISABLE_FIND_PACKAGE_Catch2=ON "$@"
}
configure_part || fail "as a part of another project: CMake"
grep -qx 'CMAKE_BUILD_TYPE:STRING=' "$work/part/CMakeCache.txt" || fail "the part sets the build type of the whole"
[[ ! -e $work/part/moeperf/tests && ! -e $work/part/bin ]] || fail "a part of another project brings its tests"
if [[ -e $work/part/build.ninja ]]; then
  quiet "$cmake" --build "$work/part" -- -t targets all || fail "as a part of another project: no targets"
  grep -q 'libmoeperf\.a' "$work/log" || fail "as a part of another project: no library"
  ! grep -qE '(_tests|header_checks|moeperf_layer_harness|cmake_install\.cmake:.*moeperf)' "$work/log" || fail "a part builds more than the library"
  quiet "$cmake" --build "$work/part" --target CMakeFiles/outside.dir/main.cpp.o || fail "as a part of another project: no header"
  quiet "$cmake" --build "$work/part" -- -t commands outside || fail "as a part of another project: no program"
  grep -q 'whole-archive,moeperf/libmoeperf\.a\|whole-archive,.*/libmoeperf\.a' "$work/log" || fail "the part is not linked whole"
fi
echo "an outside project runs the layer, installed and as a part"
