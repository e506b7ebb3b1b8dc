#!/usr/bin/env bash
# Plants one fault after the other (LAYER/NAME.fault beside this file) in a copy of the source: the test that each names
# must pass before and fail with it.
#
#   run.sh [LAYER/NAME…]   default: all. Works in build-planted-faults/ (FOLDER=… replaces it) and keeps it for the next
#                          time; LAUNCHER='mpirun -n' starts ranks; CMAKE_ARGS='…' is passed to CMake
#   run.sh --check         only that every rule still fits: its text is in its file, once, and its cases are among the tests
#   run.sh --list          the faults and what catches them
#
# A fault is a file of lines `key: value`:
#   what:  the fault, in a sentence
#   file:  that it is planted in
#   find:  the text to replace; once in the file, within a line
#   put:   what comes instead
#   test:  as ctest calls it: NAME, or NAME.npN for N ranks
#   cases: Catch2's filter; absent: the test is a script
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(realpath "$here/../..")
folder=${FOLDER:-$source_dir/build-planted-faults}
read -ra launcher <<<"${LAUNCHER:-mpirun -n}"
keys=(what file find put test cases)
declare -A fault

fail() {
  echo "FAILED: $*"
  exit 1
}

# Reads fault $1 into `fault`.
read_fault() {
  local key value
  fault=()
  [[ -e $here/$1.fault ]] || fail "no fault $1; there are: $(list | tr '\n' ' ')"
  while IFS= read -r value; do
    key=${value%%:*}
    [[ " ${keys[*]} " == *" $key "* ]] || fail "$1: '$key' is none of: ${keys[*]}"
    value=${value#*:}
    fault[$key]=${value#"${value%%[! ]*}"}
  done <"$here/$1.fault"
  for key in what file find put test; do [[ -n ${fault[$key]+set} ]] || fail "$1: no $key"; done
}

list() { (cd "$here" && ls -- */*.fault) | sed 's/\.fault$//'; }

# Arguments: the fault's name, a source folder. Prints the file with the fault in it.
planted_text() {
  local text without times
  [[ -e $2/${fault[file]} ]] || fail "$1: no ${fault[file]}; where has what it breaks gone?"
  text=$(<"$2/${fault[file]}")
  without=${text//"${fault[find]}"/}
  times=$(((${#text} - ${#without}) / ${#fault[find]}))
  ((times == 1)) || fail "$1: its text is $times times in ${fault[file]}, not once: ${fault[find]}"
  printf '%s\n' "${text/"${fault[find]}"/"${fault[put]}"}"
}

# That tests have the cases of the present fault, $1.
find_cases() {
  local cases pattern
  IFS=, read -ra cases <<<"${fault[cases]:-}"
  for pattern in "${cases[@]}"; do
    pattern=${pattern#\*}
    grep -rqF -- "${pattern%\*}" "$source_dir/tests/${fault[test]%%.np*}" || fail "$1: no case is called $pattern"
  done
}

if (($#)) && [[ $1 != --* ]]; then names=("$@"); else mapfile -t names < <(list); fi
for name in "${names[@]}"; do
  read_fault "$name"
  planted_text "$name" "$source_dir" >/dev/null
  find_cases "$name"
done
if [[ ${1:-} == --list ]]; then
  for name in "${names[@]}"; do
    read_fault "$name"
    echo "$name: ${fault[what]} [${fault[test]}${fault[cases]+: ${fault[cases]}}]"
  done
  exit
fi
if [[ ${1:-} == --check ]]; then
  echo "${#names[@]} faults, each finds its place"
  exit
fi

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMP_NUM_THREADS=2
copy=$folder/source build=$folder/build log=$folder/log
rm -rf "$copy"
mkdir -p "$copy"
tar -C "$source_dir" --exclude='./build*' --exclude=./.git -cf - . | tar -C "$copy" -xf -
# Objects of a fault that an interrupted run has left.
if [[ -e $folder/planted ]]; then touch "$copy/$(<"$folder/planted")"; fi

options=(-DCMAKE_BUILD_TYPE=Release -DMOEPERF_TESTS=ON -DMOEPERF_WERROR=OFF)
if command -v ninja >/dev/null; then options+=(-G Ninja); fi
if [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER+set} ]] && command -v ccache >/dev/null; then
  options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
# shellcheck disable=SC2086 # CMAKE_ARGS holds several words
cmake -S "$copy" -B "$build" "${options[@]}" ${CMAKE_ARGS:-} >"$log" 2>&1 || { tail -n 20 "$log"; fail "CMake"; }

# Builds what the present fault's test needs.
compile() {
  local target=moeperf
  if [[ -n ${fault[cases]+set} ]]; then target=${fault[test]%%.np*}_tests; fi
  cmake --build "$build" -j "${JOBS:-$(nproc)}" --target "$target" >"$log" 2>&1
}
# Runs it; 124: longer than it may.
run_test() {
  local program=$build/bin/${fault[test]%%.np*}_tests
  if [[ -z ${fault[cases]+set} ]]; then
    timeout 900 ctest --test-dir "$build" -R "^${fault[test]}\$" --no-tests=error --output-on-failure
  elif [[ ${fault[test]} == *.np* ]]; then
    OMP_NUM_THREADS=1 timeout 300 "${launcher[@]}" "${fault[test]#*.np}" "$program" "${fault[cases]}"
  else
    timeout 300 "$program" "${fault[cases]}"
  fi >"$log" 2>&1
}

declare -A passes
missed=()
for name in "${names[@]}"; do
  read_fault "$name"
  test="${fault[test]}${fault[cases]+, cases ${fault[cases]}}"
  if [[ -z ${passes[$test]:-} ]]; then
    compile || { grep -m 5 error "$log"; fail "$name: what is to be tested does not build"; }
    run_test || { tail -n 30 "$log"; fail "$name: $test fails without a fault"; }
    if [[ -n ${fault[cases]+set} ]]; then grep -q 'All tests passed' "$log" || fail "$name: no case is called ${fault[cases]}"; fi
    passes[$test]=yes
  fi
  cp "$copy/${fault[file]}" "$folder/honest"
  echo "${fault[file]}" >"$folder/planted"
  planted_text "$name" "$copy" >"$folder/faulty"
  cp "$folder/faulty" "$copy/${fault[file]}"
  compile || { grep -m 5 error "$log"; fail "$name: does not compile"; }
  status=0
  run_test || status=$?
  cp "$folder/honest" "$copy/${fault[file]}"
  if ((status == 0)); then
    missed+=("$name")
    echo "NOT CAUGHT: $name (${fault[what]}) by $test"
  else
    echo "caught: $name by $test$( ((status != 124)) || echo ', which does not end')"
  fi
done
# The last one's objects.
if [[ -e $folder/planted ]]; then touch "$copy/$(<"$folder/planted")"; fi
((${#missed[@]} == 0)) || fail "not caught: ${missed[*]}"
echo "${#names[@]} faults, all caught"
