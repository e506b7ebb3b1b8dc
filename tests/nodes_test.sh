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
needs_h5py
"$moeperf" list dispatchers --json >dispatchers.json
"$python" "$source_dir/tests/nodes_report.py" all smoke.h5 dispatchers.json || fail "the report"
