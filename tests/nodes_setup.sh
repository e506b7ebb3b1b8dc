# What the tests over several hosts have in common; sourced, with source_dir, moeperf and python set. The work folder is
# beside the program, and the present one.
# shellcheck shell=bash disable=SC2154
node_hosts=$source_dir/tests/node_hosts.sh
hosts_state=/run/moeperf-hosts-$$
export MOEPERF_HOSTS=$hosts_state OMP_NUM_THREADS=1
# shellcheck source=tests/hosts.sh
source "$source_dir/tests/hosts.sh"

skip() {
  echo "SKIPPED: $*"
  exit 77
}
fail() {
  echo "FAILED: $*"
  exit 1
}
needs_h5py() { "${python:-false}" -c 'import h5py' 2>/dev/null || skip "what is in the report: needs h5py (package python3-h5py)"; }

# RANKS COMMAND…: under mpirun over the hosts. In the background, so that a signal ends this process at once.
over_hosts() {
  timeout 500 "$node_hosts" mpirun "$@" &
  wait $!
}

# NODES: until this process ends.
hosts_up() {
  local obstacle work
  obstacle=$(hosts_obstacle)
  [[ -z $obstacle ]] || skip "$obstacle"
  "${MPIRUN:-mpirun}" --version 2>/dev/null | grep -qE 'Open MPI|OpenRTE' || skip "starts ranks over hosts with Open MPI's mpirun only"
  work=$(realpath "$(dirname "$moeperf")/..")/$(basename "$0" .sh)
  rm -rf "$work"
  mkdir -p "$work"
  trap '"$node_hosts" down' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # The hosts see of /tmp only the folder they are started from.
  local shared=$work
  if [[ $work == /tmp/* ]]; then shared=/tmp/$(cut -d/ -f3 <<<"$work"); fi
  [[ $source_dir != /tmp/* || $source_dir/ == "$shared"/* ]] || skip "source and build folder lie apart in /tmp, of which hosts see one folder"
  (cd "$shared" && "$node_hosts" up "$1" $$)
  cd "$work" || exit
}
