#!/usr/bin/env bash
# A Slurm cluster of small "nodes" on this one machine, for tests: a head and node1, node2, … (tests/hosts.sh).
#
#   slurm_cluster.sh up [NODES [OWNER]]  default 4; it ends with process OWNER, if that is given. Started from a folder
#                                        under /tmp, the nodes see nothing else of /tmp
#   slurm_cluster.sh exec COMMAND…       on the head (where sbatch, srun and squeue work)
#   slurm_cluster.sh down [keep]         leaves no process, namespace or link behind
#
# Needs root and slurmctld slurmd slurm-client munge iproute2 util-linux.
set -eEuo pipefail
state=/run/moeperf-slurm
hosts_state=$state/hosts
# shellcheck source=tests/hosts.sh
source "$(dirname "$(realpath "$0")")/hosts.sh"

up() {
  local nodes=${1:-4} owner=${2:-0} names node cpus i tool obstacle
  obstacle=$(hosts_obstacle)
  [[ -z $obstacle ]] || { echo "$obstacle" >&2; exit 1; }
  for tool in slurmctld slurmd srun munged; do
    command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 1; }
  done
  [[ ! -e $state ]] || { echo "$state exists: is a cluster up? (down first)" >&2; exit 1; }
  mkdir -p "$state/ctld" /var/spool/slurmd
  trap 'trap - ERR; echo "could not start; see $state.failed" >&2; down keep' ERR
  cpus=$(env -u OMP_NUM_THREADS nproc)
  cpus=$((cpus > 2 ? cpus : 2))
  cat >"$state/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=head($hosts_network.$((nodes + 1)))
AuthType=auth/munge
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
StateSaveLocation=$state/ctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd-%n.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd-%n.log
SlurmdTimeout=60
NodeName=node[1-$nodes] CPUs=$cpus State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
  # A container may show no cgroups; from 23.11 on slurmd can do without.
  if [[ $(slurmd -V) =~ \ ([0-9]+)\.([0-9]+) ]] && ((100 * BASH_REMATCH[1] + 10#${BASH_REMATCH[2]} >= 2311)); then
    echo 'CgroupPlugin=disabled' >"$state/cgroup.conf"
  fi
  if [[ ! -S /run/munge/munge.socket.2 ]] || ! munge -n >/dev/null 2>&1; then
    [[ -s /etc/munge/munge.key ]] || /usr/sbin/mungekey
    install -d -o munge -g munge -m 755 /run/munge
    setpriv --reuid munge --regid munge --clear-groups /usr/sbin/munged --pid-file=/run/munge/munged.pid --log-file=/var/log/munge/munged.log
    touch "$state/own-munge"
  fi
  mapfile -t names < <(seq -f 'node%g' "$nodes")
  hosts_start "$owner" "${names[@]}" head
  on_head slurmctld
  for node in "${names[@]}"; do
    hosts_run "$node" mount -t tmpfs tmpfs /var/spool/slurmd
    SLURM_CONF="$state/slurm.conf" hosts_run "$node" slurmd -N "$node"
  done
  for ((i = 0; i < 60; i++)); do
    if [[ $(on_head sinfo -h -t idle -o %D 2>/dev/null) == "$nodes" ]]; then
      trap - ERR
      echo "cluster up: $nodes nodes of $cpus CPUs"
      return
    fi
    sleep 0.5
  done
  on_head sinfo >&2
  false
}

on_head() { SLURM_CONF="$state/slurm.conf" hosts_run head "$@"; }

# `keep`: for looking into what went wrong.
down() {
  [[ -d $state ]] || { echo "no cluster at $state"; return 0; }
  on_head scancel --user root 2>/dev/null || true
  hosts_end
  if [[ -e $state/own-munge ]]; then kill "$(</run/munge/munged.pid)" 2>/dev/null || true; fi
  if [[ ${1:-} == keep ]]; then rm -rf "$state.failed" && mv "$state" "$state.failed"; else rm -rf --one-file-system "$state"; fi
}

case ${1:-} in
  up) up "${@:2}" ;;
  exec) shift; on_head "$@" ;;
  down) down "${2:-}" ;;
  *) sed -n '2,/^set -e/s/^#\( \|$\)//p' "$0"; exit 2 ;;
esac
