#!/usr/bin/env bash
# bootstrap.sh counts the CPUs that a quota leaves, at whatever level of which kind of cgroup it stands, and refuses a
# number of launches that is none before it installs or builds anything. Argument: the source folder.
set -euo pipefail
functions=$(sed -n '/^cpu_quotas() {/,/^}/p; /^count_cpus() {/,/^}/p' "$1/bootstrap.sh")
[[ $functions == *cpu_quotas*count_cpus* ]] || { echo "no such functions in bootstrap.sh"; exit 1; }
eval "$functions"
nproc() { echo 16; }
env() { nproc; }  # which count_cpus calls nproc by

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong=0
# WHAT EXPECTED: with the files in $work.
expect() {
  local found
  found=$(count_cpus "$work/memberships" "$work/mount")
  [[ $found == "$2" ]] || { echo "$1: $found CPUs, not $2"; wrong=1; }
  rm -rf "${work:?}"/*
}
# GROUP QUOTA PERIOD
group2() { mkdir -p "$work/mount/$1" && echo "$2 $3" >"$work/mount/$1/cpu.max"; }
group1() { mkdir -p "$work/mount/cpu/$1" && echo "$2" >"$work/mount/cpu/$1/cpu.cfs_quota_us" && echo "$3" >"$work/mount/cpu/$1/cpu.cfs_period_us"; }

group2 job max 100000
group2 job/step max 100000
echo 0::/job/step >"$work/memberships"
expect 'no quota' 16

group2 job 400000 100000
group2 job/step max 100000
echo 0::/job/step >"$work/memberships"
expect 'cgroup 2, the quota of the level above' 4

group2 job max 100000
group2 job/step 250000 100000
echo 0::/job/step >"$work/memberships"
expect 'cgroup 2, the quota of its own level' 2

group2 . 100000 200000
echo 0::/ >"$work/memberships"
expect 'cgroup 2, the top of a container, half a CPU' 1

group2 . 300000 100000
echo 0::/docker/of/the/host >"$work/memberships"
expect 'a path of the host, which is not here' 3

group1 job 800000 100000
group1 job/step 600000 100000
group1 . -1 100000
printf '5:memory:/job/step\n4:cpu,cpuacct:/job/step\n0::/else\n' >"$work/memberships"
expect 'cgroup 1, the smallest of two levels' 6

expect 'no cgroups at all' 16

for launches in 0 x '' -3; do
  if said=$(bash "$1/bootstrap.sh" run --launches "$launches" 2>&1) || [[ $said != *'accepted: a whole number from 1'* ]]; then
    echo "--launches '$launches': $said"
    wrong=1
  fi
done
exit "$wrong"
