#!/usr/bin/env bash
# Where /dev/shm is as small as in a container, a run of all dispatchers ends soon: those that need more there than there
# is are skipped for that reason, the others are measured and right. Arguments: the program, mpirun and its options up
# to -n. Exit 77: skipped.
set -euo pipefail
program=$(realpath "$1")
launcher=("${@:2}")
skip() {
  echo "SKIPPED: $*"
  exit 77
}
[[ $(id -u) == 0 ]] || skip "mounts a small /dev/shm of its own, which takes root"
unshare --mount true 2>/dev/null || skip "this container may not make mount namespaces"
"${launcher[0]}" --version 2>/dev/null | grep -qE 'Open MPI|OpenRTE' || skip "knows where Open MPI keeps shared memory"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
complain() {
  echo "FAILED: $*"
  cat log
  exit 1
}

# Room for the MPI library itself and for its probes, but not for slots of 16384 tokens.
# shellcheck disable=SC2016
unshare --mount bash -c 'mount -t tmpfs -o size=24m tmpfs /dev/shm && exec "$@"' - \
  timeout 120 "${launcher[@]}" 3 "$program" run smoke --phase prefill --tokens 16384 --scheme none \
  --dispatcher all --benchmark dispatch -n 2 -o report.h5 >log 2>&1 || complain "the run ended with status $?"

grep -q '^# status: VALID' log || complain "not VALID"
# shellcheck disable=SC2016
unshare --mount bash -c 'mount -t tmpfs -o size=24m tmpfs /dev/shm && exec "$@"' - \
  timeout 120 "${launcher[@]}" 3 "$program" tune smoke --phase prefill --tokens 16384 --scheme none -n 2 -o tuned.h5 \
  >tuned 2>&1 || { mv tuned log; complain "tune ended with status $?"; }
grep -q '^best_dispatcher' tuned || { mv tuned log; complain "tune chose none"; }
grep -q 'left out: .*/dev/shm' tuned || { mv tuned log; complain "tune does not say what it left out"; }
skipped=$(grep -c '^# skipped: .*/dev/shm on .* MB free, the memory that the ranks of a node share needs' log) || true
for dispatcher in mpi-low-latency mpi-two-level; do
  grep -A1 "dispatcher $dispatcher" log | grep -q '^# skipped: .*/dev/shm' || complain "$dispatcher is not skipped for lack of room"
done
for dispatcher in mpi-alltoallv mpi-padded mpi-pairwise mpi-rank-dedup mpi-allgather reference; do
  grep -A1 "dispatcher $dispatcher" log | grep -q '^ dispatch .* 0 ' || complain "$dispatcher was not measured"
done
echo "$skipped dispatchers skipped for lack of room, the others measured"
