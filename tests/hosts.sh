# Hosts on this one machine, for tests. To be sourced, with hosts_state set to a folder that shall be theirs.
#
# A host is a network, mount, name and IPC namespace, joined to the others by a bridge: between hosts there is nothing
# but TCP, within one also shared memory. All of them live inside one outer namespace of processes, mounts and
# networks. When its first process ends, however that happens, the kernel ends every process and removes every link,
# qdisc and mount in it: nothing has to be taken down piece by piece.
#
# Needs root, iproute2 and util-linux.
# shellcheck shell=bash
hosts_network=10.77.0

# Prints why there can be no hosts here; nothing if there can.
hosts_obstacle() {
  local tool
  if ((EUID != 0)); then echo "needs root"; return; fi
  for tool in ip nsenter unshare; do
    if ! command -v "$tool" >/dev/null; then echo "needs $tool (packages iproute2 util-linux)"; return; fi
  done
  if [[ ! -f /etc/hosts ]]; then echo "needs a file /etc/hosts"; return; fi
  unshare --mount --net --pid --ipc --uts --fork --propagation private bash -ec 'mount -t proc proc /proc
    mount -t tmpfs tmpfs /tmp
    ip link add switch type bridge
    ip link add v-1 type veth peer name eth0' >/dev/null 2>&1 || echo "this container may not make namespaces, mounts and links"
}

# OWNER HOST…: makes the hosts, with addresses from .1 on. They end by themselves (`$0 down`) soon after process OWNER
# has; 0: they stay. Of /tmp they see only the present folder, if it is there. All or nothing.
hosts_start() {
  local owner=$1 ready
  shift
  mkdir "$hosts_state" || { echo "are hosts up already? ($(basename "$0") down ends them)" >&2; return 1; }
  if ((owner)); then
    setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$0" down' "$(realpath "$0")" "$owner" </dev/null >/dev/null 2>&1 &
    echo $! >"$hosts_state/keeper"
  fi
  exec {ready}< <(exec setsid unshare --mount --net --pid --ipc --fork --kill-child --propagation private \
    bash -eEuo pipefail -c 'source "$0"; hosts_hold "$@"' "$(realpath "${BASH_SOURCE[0]}")" "$hosts_state" "$PWD" "$@" </dev/null 2>"$hosts_state/errors")
  if ! read -r <&"$ready"; then
    cat "$hosts_state/errors" >&2
    hosts_end
    return 1
  fi
  exec {ready}<&-
}

# The first process of the outer namespace. Arguments: state folder, shared folder, hosts.
hosts_hold() {
  hosts_state=$1
  local shared=$2 self parent host number=0
  shift 2
  # As they are called outside: /proc is still that of the outside.
  read -r self _ _ parent _ </proc/self/stat
  echo "$self $parent" >"$hosts_state/holder"
  mount -t tmpfs tmpfs "$hosts_state"
  mount -t proc proc /proc
  ip link set lo up
  ip link add switch type bridge
  ip link set switch up
  echo "127.0.0.1 localhost" >"$hosts_state/hosts"
  for host in "$@"; do echo "$hosts_network.$((++number)) $host" >>"$hosts_state/hosts"; done
  number=0
  for host in "$@"; do hosts_make "$host" "$hosts_network.$((++number))" "$shared"; done
  echo ready
  exec >/dev/null 2>&1
  while :; do sleep 3600; done  # bash meanwhile buries whatever daemon ends
}

# HOST ADDRESS SHARED: its namespaces, held by a process whose number is left in a file. (Held by files mounted on them,
# as `ip netns` does, they may not nest: Linux 6.18 then refuses at random.) Private /tmp and /dev/shm, and a name of its
# own: a shared /tmp makes PMIx fail, a shared name makes Open MPI take the hosts for one.
hosts_make() {
  local ready
  exec {ready}< <(exec unshare --net --mount --uts --ipc --propagation private bash -euc '
    host=$1 address=$2 shared=$3 hosts=$4
    hostname "$host"
    ip link set lo up
    ip link add eth0 type veth peer name "v-$host" netns 1
    ip addr add "$address/24" dev eth0
    ip link set eth0 up
    mount -t tmpfs tmpfs /dev/shm
    if [[ $shared == /tmp/* ]]; then
      mount --bind "$shared" /mnt
      mount -t tmpfs tmpfs /tmp
      mkdir -p "$shared"
      mount --move /mnt "$shared"
    else
      mount -t tmpfs tmpfs /tmp
    fi
    mount --bind "$hosts" /etc/hosts
    echo ready
    exec sleep infinity >/dev/null 2>&1' _ "$@" "$hosts_state/hosts")
  echo $! >"$hosts_state/$1"
  read -r <&"$ready"
  exec {ready}<&-
  ip link set "v-$1" master switch up
}

# HOST: sets `hosts_enter` to the command that enters it from anywhere inside the outer namespace. (Not `ip netns exec`,
# which hides /sys/fs/cgroup from slurmd.)
hosts_door() {
  hosts_enter=(bash -c 'init=$(<"$0")
    exec nsenter --target "$init" --root --wd="/proc/$init/root" --net --mount --uts --ipc -- bash -c "cd \"\$0\" && exec \"\$@\"" "$@"'
    "$hosts_state/$1" "$PWD")
}

# COMMAND…: in the outer namespace, where the bridge is. (--root: a namespace of mounts comes with the machine's root,
# which is not ours in a chroot.)
hosts_outer() {
  local init
  [[ -s $hosts_state/holder ]] || { echo "no hosts at $hosts_state" >&2; return 1; }
  read -r init _ <"$hosts_state/holder"
  nsenter --target "$init" --root --wd="/proc/$init/root" --mount --net --ipc --pid -- "$@"
}

# HOST COMMAND…: on the host, in the present folder.
hosts_run() {
  local hosts_enter
  hosts_door "$1"
  shift
  hosts_outer "${hosts_enter[@]}" "$@"
}

# Ends everything on them and them. No error if they are not there.
hosts_end() {
  local keeper init holder i
  [[ -d $hosts_state ]] || return 0
  if [[ -s $hosts_state/keeper ]]; then
    keeper=$(<"$hosts_state/keeper")
    if ((keeper != $$)); then kill -- "-$keeper" 2>/dev/null || true; fi
  fi
  if [[ -s $hosts_state/holder ]]; then
    read -r init holder <"$hosts_state/holder"
    # A number left over from long ago may be another process by now.
    if grep -qs hosts_hold "/proc/$init/cmdline"; then kill -KILL "$init" 2>/dev/null || true; fi
    # Its parent ends after the last process of the namespace.
    for ((i = 0; i < 200; i++)); do
      grep -qs hosts_hold "/proc/$holder/cmdline" || break
      sleep 0.05
    done
  fi
  rm -rf --one-file-system "$hosts_state"
}
