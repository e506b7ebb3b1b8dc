#!/usr/bin/env bash
# On a slow network between four hosts (tests/node_hosts.sh), the dispatcher that sends fewer bytes between nodes is
# faster by the ratio of bytes. Arguments: the source folder, the program, a python3 or nothing, the dispatcher that
# sends a copy per expert, and the frugal one. Exit 77: skipped.
set -euo pipefail
source_dir=$1 moeperf=$2 python=${3:-} flat=$4 frugal=$5
# shellcheck source=tests/nodes_setup.sh
source "$source_dir/tests/nodes_setup.sh"
needs_h5py
command -v tc >/dev/null || skip "needs tc (package iproute2)"

hosts_up 4
"$node_hosts" shape 100mbit 2>shape.log || { cat shape.log; skip "this kernel shapes no traffic"; }
over_hosts 2 "$moeperf" run "$source_dir/tests/node_limited.toml" --dispatcher "$flat,$frugal" \
  --benchmark dispatch --output shaped.h5 >shaped.log 2>&1 || { cat shaped.log; fail "the run over four nodes"; }
grep -q '^# 8 ranks on 4 nodes' shaped.log || { cat shaped.log; fail "not 8 ranks on 4 nodes"; }
# Four hosts, each of 12.5 MB/s.
"$python" "$source_dir/tests/nodes_report.py" ratio shaped.h5 "$flat" "$frugal" 50e6 || { cat shaped.log; fail "the report"; }
