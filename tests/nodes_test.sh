#!/usr/bin/env bash
# The communication layer and its benchmarks over several hosts (tests/node_hosts.sh): TCP between them, shared memory
# inside. Arguments: the source folder, comm_tests, the program, a python3 or nothing. Exit 77: skipped.
set -euo pipefail
source_dir=$1 comm_tests=$2 moeperf=$3 python=${4:-}
# shellcheck source=tests/nodes_setup.sh
source "$source_dir/tests/nodes_setup.sh"

hosts_up 4
for ranks in 2 1,1,1 3,1,2; do
  echo "comm_tests, ranks of each node: $ranks"
  over_hosts "$ranks" "$comm_tests" '[mpi]' >comm_tests.log 2>&1 ||
    { tail -n 60 comm_tests.log; fail "comm_tests with $ranks ranks on the nodes"; }
  echo "passed on $(grep -c 'All tests passed' comm_tests.log) ranks"
done

over_hosts 2 "$moeperf" run "$source_dir/benchmarks/workloads/smoke.toml" --dispatcher all \
  --benchmark 'dispatch|combine' --output smoke.h5 >smoke.log 2>&1 || { cat smoke.log; fail "the smoke run over four nodes"; }
grep -q '^# 8 ranks on 4 nodes' smoke.log || { cat smoke.log; fail "not 8 ranks on 4 nodes"; }
grep -q '^# status: VALID' smoke.log || { cat smoke.log; fail "not VALID"; }

# Ranks of each node; the one to stop; what the log says (a line each, in any order), what the report does.
stalls() {
  local ranks=$1 victim=$2 lines=$3 verdict=$4 run pid='' status=0 i line
  rm -f stall.h5*
  over_hosts "$ranks" "$moeperf" run "$source_dir/benchmarks/workloads/smoke.toml" --output stall.h5 --benchmark dispatch \
    --max-time 8 --target-ci 0 --time-limit 5 --prepare-limit 30 >stall.log 2>&1 &
  run=$!
  for ((i = 0; i < 900; i++)); do
    if grep -q '^ dispatch .* dispatch ' stall.log; then break; fi
    sleep 0.1
  done
  sleep 2 # into the eight seconds of the second case's samples
  for line in $(grep -slzxE "(OMPI_COMM_WORLD_RANK|PMIX_RANK)=$victim" /proc/[0-9]*/environ); do
    line=${line//[^0-9]/}
    if [[ $(readlink "/proc/$line/exe") -ef $moeperf && $(readlink "/proc/$line/cwd") == "$PWD" ]]; then pid=$line; fi
  done
  [[ -n $pid ]] || { cat stall.log; fail "no rank $victim"; }
  kill -STOP "$pid"
  wait "$run" || status=$?
  ((status == 3)) || { cat stall.log; fail "rank $victim of $ranks stopped: status $status, not 3"; }
  while read -r line; do
    grep -qE "^moeperf: .*$line" stall.log || { cat stall.log; fail "rank $victim of $ranks stopped: '$line' is not said"; }
  done <<<"$lines"
  "$moeperf" show stall.h5.part >shown || true
  grep -qE "^# status: INVALID: stalled for more than 5 s in case .*: $verdict" shown ||
    { cat stall.log; fail "rank $victim of $ranks stopped: $(grep '^# status' shown)"; }
  echo "rank $victim stopped, ranks of each node $ranks: named"
}
stalls 2,2 3 'did not arrive: rank 3 on node2 \(no answer
arrived: ranks 0-1 on node1, all of that node, waiting for other nodes \(ranks: 2\)' 'arrived: ranks 0-1 on node1, all of that'
stalls 2,1,1 1 'did not arrive: rank 1 on node1 \(no answer
in case .*: arrived: rank 2 on node2, all of that node
in case .*: arrived: rank 3 on node3, all of that node' 'did not arrive: rank 1 on node1 '
stalls 1,1 1 'arrived: rank 0 on node1, all of that node, waiting for other nodes \(ranks: 1\)' \
  'arrived: rank 0 on node1, all of that node, waiting for other nodes \(ranks: 1\)'
needs_h5py
"$moeperf" list dispatchers --json >dispatchers.json
"$python" "$source_dir/tests/nodes_report.py" all smoke.h5 dispatchers.json || fail "the report"
