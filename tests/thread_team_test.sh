#!/usr/bin/env bash
# The OpenMP team that runs is the one that was asked for, or the run is refused: status 2, the reason, no report. With
# a smaller team a part of a product is never computed, and its rate reads several times too high. Arguments: the
# program, mpirun and its options up to -n.
set -euo pipefail
program=$(realpath "$1")
launcher=("${@:2}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

complain() {
  echo "$*"
  cat out err
  exit 1
}
measure=("$program" run quick --phase prefill --benchmark gate -n 15 -o report.h5 --force)

# Arguments: what the message says, then variables of the environment.
refused() {
  local message=$1 status=0
  rm -f report.h5*
  env "${@:2}" "${measure[@]}" >out 2>err || status=$?
  ((status == 2)) || complain "${*:2}: status $status, not 2"
  grep -qF "$message" err || complain "${*:2}: the message lacks: $message"
  [[ -z $(ls report.h5* 2>/dev/null) && ! -s out ]] || complain "${*:2}: something was written"
}
# Arguments: the number of threads that run, then variables of the environment.
runs() {
  local threads=$1 status=0
  env "${@:2}" "${measure[@]}" >out 2>err || status=$?
  ((status == 0)) || complain "${*:2}: status $status"
  grep -qE "^# 1 ranks? on 1 nodes?, $threads threads? per rank" out || complain "${*:2}: not $threads threads"
  grep -qE '^# status: VALID' out || complain "${*:2}: not VALID"
}

unset OMP_NUM_THREADS OMP_THREAD_LIMIT OMP_DYNAMIC OMP_MAX_ACTIVE_LEVELS
refused 'OMP_NUM_THREADS=8 asks for 8 OpenMP threads per rank, a parallel region gets 1 because of OMP_THREAD_LIMIT=1' \
  OMP_THREAD_LIMIT=1 OMP_NUM_THREADS=8
refused 'because of OMP_MAX_ACTIVE_LEVELS=0; accepted: OMP_NUM_THREADS=1' OMP_MAX_ACTIVE_LEVELS=0 OMP_NUM_THREADS=2
refused 'OMP_NUM_THREADS=many: accepted: a number of threads' OMP_NUM_THREADS=many
# More than this machine is likely to have: dynamic adjustment would give fewer.
runs 9 OMP_DYNAMIC=true OMP_NUM_THREADS=9
# What nobody asked for may be limited.
runs 1 OMP_THREAD_LIMIT=1
runs 1 OMP_MAX_ACTIVE_LEVELS=0
runs 3 OMP_NUM_THREADS=3,2

# OpenMP itself would end the process with status 1, that of a wrong result. Sanitizers need more address space than that.
if (ulimit -v 9000000 && "$program" --version) >out 2>err; then
  (ulimit -v 9000000 && refused '4000 OpenMP threads per rank are asked for, the system starts ' OMP_NUM_THREADS=4000)
fi

# One rank's limit is every rank's end.
status=0
# shellcheck disable=SC2016
"${launcher[@]}" 2 env OMP_NUM_THREADS=1 bash -c '
  if ((${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-${PMI_RANK:-0}}} == 1)); then export OMP_NUM_THREADS=8 OMP_THREAD_LIMIT=2; fi
  exec "$0" run smoke -o report.h5' "$program" >out 2>err || status=$?
((status == 2)) || complain "one rank of two: status $status, not 2"
grep -q 'rank 1: OMP_NUM_THREADS=8 asks for 8 OpenMP threads per rank, a parallel region gets 2' err ||
  complain "one rank of two: which one is not said"
[[ ! -e report.h5 && ! -e report.h5.part ]] || complain "one rank of two: a report was written"
