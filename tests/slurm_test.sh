#!/usr/bin/env bash
# slurm/moeperf.sbatch on four nodes (tests/slurm_cluster.sh): the smoke suite leaves a report, and a wrong
# command's status reaches sbatch. Arguments: the source folder, the program. Exit 77: skipped.
set -euo pipefail
source_dir=$1
export MOEPERF=$2
skip() {
  echo "SKIPPED: $*"
  exit 77
}
cluster=$source_dir/tests/slurm_cluster.sh
# shellcheck source=tests/hosts.sh
source "$source_dir/tests/hosts.sh"
obstacle=$(hosts_obstacle)
[[ -z $obstacle ]] || skip "$obstacle"
for tool in slurmctld slurmd sbatch munged setpriv; do
  command -v "$tool" >/dev/null || skip "needs $tool (packages slurmctld slurmd slurm-client munge util-linux)"
done
[[ ! -e /run/moeperf-slurm ]] || skip "a cluster is up already (/run/moeperf-slurm)"

# Beside the program: a folder that the nodes see, unlike /tmp.
work=$(dirname "$MOEPERF")/../slurm-test
rm -rf "$work"
mkdir -p "$work"
cd "$work"
work=$PWD
# The nodes see of /tmp only the folder the cluster is started from.
shared=$work
if [[ $work == /tmp/* ]]; then shared=/tmp/$(cut -d/ -f3 <<<"$work"); fi
trap '"$cluster" down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
(cd "$shared" && "$cluster" up 4 $$) || skip "no Slurm cluster starts here"
# More ranks than cores, all on one machine: who waits gives its core away.
export OMPI_MCA_btl_tcp_if_include=$hosts_network.0/24 OMPI_MCA_mpi_yield_when_idle=1
unset OMPI_MCA_btl  # these nodes have nothing but TCP between them

submit() { timeout 240 "$cluster" exec sbatch -W -N4 --ntasks-per-node=2 --parsable "$source_dir/slurm/moeperf.sbatch" "$@"; }
status=0
job=$(submit smoke) || status=$?
if ((status != 0)) || [[ ! -s moeperf-$job.h5 ]]; then
  cat moeperf-*.log
  echo "smoke under Slurm: status $status, no report moeperf-$job.h5?"
  exit 1
fi
grep -q '^# 8 ranks on 4 nodes' "moeperf-$job.log" || { cat moeperf-*.log; echo "not 8 ranks on 4 nodes"; exit 1; }
tail -n 5 "moeperf-$job.log"
status=0
submit no-such-workload >/dev/null || status=$?
((status == 2)) || { cat moeperf-*.log; echo "an unknown workload gave status $status, not 2"; exit 1; }
echo "four nodes under Slurm: a report, and the status of a mistake"
