#!/usr/bin/env bash
# A Slurm cluster of small "nodes" on this one machine, for tests: each node is a network and a name
# namespace of its own, joined by a bridge.
#
#   slurm_cluster.sh up [NODES]     default 4; the current folder is what the nodes share if it is under /tmp
#   slurm_cluster.sh exec COMMAND…  on the head (where sbatch, srun and squeue work)
#   slurm_cluster.sh down [keep]    leaves no process, namespace or link behind
#
# Needs root and slurmctld slurmd slurm-client munge iproute2 util-linux.
set -eEuo pipefail
state=/run/moeperf-slurm
shared=$PWD
bridge=moeperf-br
network=10.77.0

enter() { # NODE COMMAND…: in the node's namespaces
  local node=$1
  shift
  nsenter --net="/run/netns/moeperf-$node" --uts="$state/uts-$node" --mount="$state/mnt/$node" -- bash -c 'cd "$0" && exec "$@"' "$PWD" "$@"
}

# NODE: its namespaces, each held by a file, with private /tmp, /dev/shm and spool. Not `ip netns exec`,
# which hides /sys/fs/cgroup from slurmd; a shared /tmp makes PMIx fail, a shared host name makes Open MPI
# take the nodes for one.
make_node() {
  local node=$1 number=$2
  ip netns add "moeperf-$node"
  ip link add "v-$node" type veth peer name eth0 netns "moeperf-$node"
  ip link set "v-$node" master "$bridge" up
  ip -n "moeperf-$node" link set lo up
  ip -n "moeperf-$node" addr add "$network.$number/24" dev eth0
  ip -n "moeperf-$node" link set eth0 up
  touch "$state/uts-$node" "$state/mnt/$node"
  unshare --uts="$state/uts-$node" --mount="$state/mnt/$node" --propagation private bash -euc '
    node=$1 state=$2 shared=$3
    hostname "$node"
    mkdir -p /var/spool/slurmd
    mount -t tmpfs tmpfs /dev/shm
    if [[ $shared == /tmp/* ]]; then
      mount --bind "$shared" /mnt
      mount -t tmpfs tmpfs /tmp
      mkdir -p "$shared"
      mount --move /mnt "$shared"
    else
      mount -t tmpfs tmpfs /tmp
    fi
    mount -t tmpfs tmpfs /var/spool/slurmd
    mount --bind "$state/hosts" /etc/hosts' _ "$node" "$state" "$shared"
}

up() {
  local nodes=${1:-4} cpus i
  ((EUID == 0)) || { echo "needs root" >&2; exit 1; }
  local tool
  for tool in slurmctld slurmd srun munged ip nsenter unshare; do
    command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 1; }
  done
  [[ ! -e $state ]] || { echo "$state exists: is a cluster up? (down first)" >&2; exit 1; }
  mkdir -p "$state/mnt" "$state/ctld"
  trap 'trap - ERR; echo "could not start; see $state.failed" >&2; down keep' ERR
  mount --bind "$state/mnt" "$state/mnt"
  mount --make-private "$state/mnt"
  cpus=$(env -u OMP_NUM_THREADS nproc)
  cpus=$((cpus > 2 ? cpus : 2))
  printf '127.0.0.1 localhost\n%s.254 head\n' "$network" >"$state/hosts"
  for ((i = 1; i <= nodes; i++)); do echo "$network.$i node$i" >>"$state/hosts"; done
  cat >"$state/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=head($network.254)
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
  if [[ ! -S /run/munge/munge.socket.2 ]] || ! munge -n >/dev/null 2>&1; then
    [[ -s /etc/munge/munge.key ]] || /usr/sbin/mungekey
    install -d -o munge -g munge -m 755 /run/munge
    setpriv --reuid munge --regid munge --clear-groups /usr/sbin/munged --pid-file=/run/munge/munged.pid --log-file=/var/log/munge/munged.log
    touch "$state/own-munge"
  fi
  ip link add "$bridge" type bridge
  ip link set "$bridge" up
  make_node head 254
  for ((i = 1; i <= nodes; i++)); do make_node "node$i" "$i"; done
  SLURM_CONF="$state/slurm.conf" enter head slurmctld
  for ((i = 1; i <= nodes; i++)); do SLURM_CONF="$state/slurm.conf" enter "node$i" slurmd -N "node$i"; done
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

on_head() { SLURM_CONF="$state/slurm.conf" enter head "$@"; }

# `keep`: for looking into what went wrong.
down() {
  [[ -d $state ]] || { echo "no cluster at $state"; return 0; }
  local pid_file pid netns left
  on_head scancel --user root 2>/dev/null || true
  for pid_file in "$state"/slurmd-*.pid "$state"/slurmctld.pid; do
    if [[ -s $pid_file ]]; then kill "$(<"$pid_file")" 2>/dev/null || true; fi
  done
  # Whatever still lives in the nodes' network namespaces.
  for netns in /run/netns/moeperf-*; do
    [[ -e $netns ]] || continue
    for left in TERM TERM KILL; do
      pid=$(ip netns pids "${netns##*/}" 2>/dev/null || true)
      if [[ -z $pid ]]; then break; fi
      # shellcheck disable=SC2086 # several numbers
      kill -"$left" $pid 2>/dev/null || true
      sleep 0.5
    done
    ip link del "v-${netns##*/moeperf-}" 2>/dev/null || true  # the kernel drops it only some time after its namespace
    ip netns del "${netns##*/}" || true
  done
  ip link del "$bridge" 2>/dev/null || true
  if [[ -e $state/own-munge ]]; then kill "$(</run/munge/munged.pid)" 2>/dev/null || true; fi
  local held
  for held in "$state"/uts-* "$state"/mnt/*; do umount "$held" 2>/dev/null || true; done
  umount "$state/mnt" 2>/dev/null || true
  if [[ ${1:-} == keep ]]; then rm -rf "$state.failed" && mv "$state" "$state.failed"; else rm -rf --one-file-system "$state"; fi
}

case ${1:-} in
  up) up "${2:-}" ;;
  exec) shift; on_head "$@" ;;
  down) down "${2:-}" ;;
  *) sed -n '2,/^set -e/s/^#\( \|$\)//p' "$0"; exit 2 ;;
esac
