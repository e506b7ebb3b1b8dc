#!/usr/bin/env bash
# Several hosts on this one machine (tests/hosts.sh) and MPI over them: node1, node2, …
#
#   node_hosts.sh up [NODES [OWNER]]     default 4. They end with process OWNER, if it is given. Started from a folder
#                                        under /tmp, they see nothing else of /tmp
#   node_hosts.sh mpirun RANKS COMMAND…  RANKS on every host; or a list, such as 2,1,1: on the first hosts
#   node_hosts.sh exec HOST COMMAND…
#   node_hosts.sh shape RATE             limits what every host sends and receives (tc's rates: 200mbit)
#   node_hosts.sh unshape
#   node_hosts.sh down                   leaves no process, namespace, link, qdisc or mount behind
#
# MOEPERF_HOSTS=FOLDER [/run/moeperf-hosts] tells several sets of hosts apart; they do not see each other.
# MPIRUN=FILE [mpirun] is Open MPI's, 4 or 5. Needs root, iproute2 and util-linux.
set -eEuo pipefail
hosts_state=${MOEPERF_HOSTS:-/run/moeperf-hosts}
# shellcheck source=tests/hosts.sh
source "$(dirname "$(realpath "$0")")/hosts.sh"

up() {
  local nodes=${1:-4} owner=${2:-0} obstacle
  obstacle=$(hosts_obstacle)
  [[ -z $obstacle ]] || { echo "$obstacle" >&2; exit 1; }
  # shellcheck disable=SC2046 # several words
  hosts_start "$owner" $(seq -f 'node%g' "$nodes")
  echo "$nodes hosts up: node1 to node$nodes"
}

nodes() { hosts_outer sed -n 's/.* \(node[0-9]*\)$/\1/p' "$hosts_state/hosts"; }

run_mpi() {
  local per_host i hosts=() layout=() total=0 mpirun=${MPIRUN:-mpirun} version
  mapfile -t hosts < <(nodes)
  ((${#hosts[@]})) || exit 1
  IFS=, read -ra per_host <<<"$1"
  shift
  while ((${#per_host[@]} == 1 && ${#hosts[@]} > 1 && ${#layout[@]} < ${#hosts[@]})); do layout+=("${per_host[0]}"); done
  ((${#layout[@]})) || layout=("${per_host[@]}")
  ((${#layout[@]} <= ${#hosts[@]})) || { echo "ranks for ${#layout[@]} hosts given, ${#hosts[@]} are up" >&2; exit 2; }
  for ((i = 0; i < ${#layout[@]}; i++)); do
    hosts[i]+=:${layout[i]}
    total=$((total + layout[i]))
  done
  hosts=("${hosts[@]:0:${#layout[@]}}")

  # For tests that hold what MPI says about the nodes against what was asked for.
  MOEPERF_TEST_RANKS_OF_NODES=$(IFS=,; echo "${layout[*]}")
  local agent only=$hosts_network.0/24
  agent="$(realpath "$0") agent"
  export MOEPERF_TEST_RANKS_OF_NODES MOEPERF_HOSTS=$hosts_state
  # More ranks than cores, all on one machine: who waits gives its core away.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_tcp_if_include=$only
  unset OMPI_MCA_btl  # there is nothing but TCP between the hosts
  version=$("$mpirun" --version 2>/dev/null || true)
  case $version in
    *'(Open MPI) 4.'* | *'(OpenRTE) 4.'*) export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent=$agent OMPI_MCA_oob_tcp_if_include=$only ;;
    # From 5 on mpirun is PRRTE's.
    *'(Open MPI) 5.'*) export PRTE_MCA_plm=ssh PRTE_MCA_plm_ssh_agent=$agent PRTE_MCA_prte_if_include=$only ;;
    *) echo "$mpirun is no Open MPI 4 or 5: ${version:-it tells no version}" >&2; exit 1 ;;
  esac
  # Every host would bind its first rank to the same core.
  hosts_run node1 "$mpirun" -n "$total" -H "$(IFS=,; echo "${hosts[*]}")" --bind-to none "$@"
}

# What stands in for ssh: HOST and the words of a shell command.
agent() {
  local hosts_enter
  hosts_door "$1"
  shift
  exec "${hosts_enter[@]}" bash -c "$*"
}

# Both ends of each host's link: what it sends, and what is sent to it.
shape() {
  local node names limit=(root tbf rate "$1" burst 128kbit latency 50ms)
  names=$(nodes)
  for node in $names; do
    hosts_outer tc qdisc replace dev "v-$node" "${limit[@]}"
    hosts_run "$node" tc qdisc replace dev eth0 "${limit[@]}"
  done
}

unshape() {
  local node names
  names=$(nodes)
  for node in $names; do
    hosts_outer tc qdisc del dev "v-$node" root
    hosts_run "$node" tc qdisc del dev eth0 root
  done
}

command=${1:-}
shift || true
case $command in
  up) up "$@" ;;
  mpirun) run_mpi "$@" ;;
  exec) hosts_run "$@" ;;
  shape) shape "${1:?a rate, such as 200mbit}" ;;
  unshape) unshape ;;
  down) hosts_end ;;
  agent) agent "$@" ;;
  *) sed -n '2,/^set -e/s/^#\( \|$\)//p' "$0"; exit 2 ;;
esac
