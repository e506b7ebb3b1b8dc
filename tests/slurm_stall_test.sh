#!/usr/bin/env bash
# Under slurm/moeperf.sbatch a rank that stops ends the job with status 3 and its name in the log, and ranks that are
# too slow together end with 3 by themselves. Arguments: the source folder, the program. Exit 77: skipped.
set -euo pipefail
source_dir=$1
MOEPERF=$(realpath "$2")
export MOEPERF
skip() {
  echo "SKIPPED: $*"
  exit 77
}
cluster=${SLURM_CLUSTER:-$source_dir/tests/slurm_cluster.sh}
# shellcheck source=tests/hosts.sh
source "$source_dir/tests/hosts.sh"
obstacle=$(hosts_obstacle)
[[ -z $obstacle ]] || skip "$obstacle"
for tool in slurmctld slurmd sbatch munged setpriv; do
  command -v "$tool" >/dev/null || skip "needs $tool (packages slurmctld slurmd slurm-client munge util-linux)"
done

# Beside the program: a folder that the nodes see, unlike /tmp.
work=$(dirname "$MOEPERF")/../slurm-stall-test
rm -rf "$work"
mkdir -p "$work"
cd "$work"
work=$PWD
shared=$work
if [[ $work == /tmp/* ]]; then shared=/tmp/$(cut -d/ -f3 <<<"$work"); fi
trap '"$cluster" down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
(cd "$shared" && "$cluster" up 2 $$) || { trap - EXIT; skip "no Slurm cluster starts here"; }
export OMPI_MCA_btl_tcp_if_include=$hosts_network.0/24 OMPI_MCA_mpi_yield_when_idle=1
unset OMPI_MCA_btl
export MOEPERF_SLURM_STALL_TEST=$work

complain() {
  echo "$*"
  cat moeperf-*.log
  exit 1
}
submit() { timeout 280 "$cluster" exec sbatch -W -N2 --ntasks-per-node=1 --parsable "$source_dir/slurm/moeperf.sbatch" "$@" >/dev/null; }
process_of_rank() {
  local file
  for file in $(grep -slzxF "MOEPERF_SLURM_STALL_TEST=$work" /proc/[0-9]*/environ); do
    file=${file%/environ}
    if [[ $(readlink "$file/exe") == "$MOEPERF" ]] && grep -sqzxE "PMIX_RANK=$1" "$file/environ"; then basename "$file"; fi
  done
}

submit smoke -o "$work/stopped.h5" --benchmark dispatch --max-time 6 --target-ci 0 --time-limit 2 &
job=$!
for ((i = 0; i < 600; i++)); do
  ! grep -sq '^ dispatch' moeperf-*.log || break
  sleep 0.1
done
sleep 1 # into the next case's samples
kill -STOP "$(process_of_rank 1)"
status=0
wait "$job" || status=$?
((status == 3)) || complain "rank 1 stopped: status $status, not 3"
grep -qE '^moeperf: did not arrive: rank 1 on node2 \(no answer' moeperf-*.log || complain "rank 1 is not named"
"$MOEPERF" show stopped.h5.part >shown || true
grep -q '^# status: INVALID: .*stalled for more than 2 s in case .*: did not arrive: rank 1 on node2' shown || complain "the report does not say why"

rm -f moeperf-*.log
status=0
submit smoke -o "$work/slow.h5" --benchmark expert --kernel reference --tokens 3000 --set model.hidden=256 \
  --set model.intermediate=256 --set balancing.steps=1 --time-limit 0.1 || status=$?
((status == 3)) || complain "too slow together: status $status, not 3"
grep -q '^moeperf.sbatch: ended with status 3$' moeperf-*.log || complain "too slow together: the ranks did not end by themselves"
grep -q '^moeperf: all 2 ranks arrived, none finishes' moeperf-*.log || complain "too slow together: where it stalls is not said"
echo "stalls under Slurm: named, in the report, status 3"
