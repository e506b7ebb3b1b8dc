#!/usr/bin/env bash
# A rank that stops, as by a hanging node, ends the run: its name on stderr, status 3, what was measured before in
# the report, no process left. Arguments: the program, the launcher up to the number of ranks (mpirun -n). Exit 77: skipped.
set -euo pipefail
program=$(realpath "$1")
launcher=("${@:2}")
skip() {
  echo "SKIPPED: $*"
  exit 77
}
[[ -r /proc/self/environ && -r /proc/self/stat ]] || skip "needs /proc"

work=$(mktemp -d)
cd "$work"
# Ours are those that carry this in their environment.
export MOEPERF_STALL_TEST=$work
cleanup() {
  for pid in $(processes); do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

# The processes of `program` that this test has started.
processes() {
  local file pid
  for file in $(grep -slzxF "MOEPERF_STALL_TEST=$work" /proc/[0-9]*/environ); do
    pid=${file//[^0-9]/}
    if [[ $(readlink "/proc/$pid/exe") == "$program" ]]; then echo "$pid"; fi
  done
}
process_of_rank() {
  local pid
  for pid in $(processes); do
    if grep -sqzxE "(OMPI_COMM_WORLD_RANK|PMIX_RANK|PMI_RANK)=$1" "/proc/$pid/environ"; then echo "$pid"; fi
  done
}
complain() {
  echo "$*"
  cat out err
  exit 1
}

cases_in() { grep -c '^ dispatch .* dispatch ' "$1" || true; }
ends_in() { # within tenths of a second $1, command ${@:2} succeeds
  for ((i = 0; i < $1; i++)); do
    if "${@:2}"; then return; fi
    sleep 0.1
  done
  return 1
}
first_case_over() { (($(cases_in out) > 0)); }
rank_is_there() { [[ -n $(process_of_rank "$1") ]]; }
none_left() { [[ -z $(processes) ]]; }

# Three ranks, of which one stops when the first case is over. Arguments: that rank, what `show` says in the end.
stall() {
  local victim=$1 verdict=$2 pid status=0 begin
  rm -f report.h5* out err
  timeout 300 "${launcher[@]}" 3 "$program" run smoke -o report.h5 --benchmark dispatch \
    --max-time 6 --target-ci 0 --time-limit 2 >out 2>err &
  local run=$!
  ends_in 300 rank_is_there "$victim" || skip "this launcher does not tell which process is which rank"
  pid=$(process_of_rank "$victim")
  ends_in 1200 first_case_over || complain "no case within two minutes"
  sleep 1 # into the six seconds of the second case's samples
  kill -STOP "$pid"
  begin=$SECONDS
  wait "$run" || status=$?
  ((status == 3)) || complain "rank $victim stopped: status $status, not 3"
  # Limit 2 s, question 3 s, patience with rank 0 6 s; the rest is for a crowded machine.
  ((SECONDS - begin <= 30)) || complain "rank $victim stopped: found out after $((SECONDS - begin)) s"
  grep -qE '^moeperf: stalled: .*\(2 s, --time-limit\) in case [0-9]+_dispatch' err ||
    complain "rank $victim stopped: where it stalled is not said"
  grep -qE "^moeperf: did not arrive: rank $victim on [^ ,]+ \(no answer" err || complain "rank $victim is not named"
  ! grep 'did not arrive' err | grep -vE "arrive: rank $victim on [^ ,]+ \(" || complain "others than rank $victim are named"
  local show_status=0
  "$program" show report.h5.part >shown || show_status=$?
  ((show_status == 1)) || complain "show of an INVALID report: status $show_status, not 1"
  (($(cases_in shown) > 0 && $(cases_in shown) == $(cases_in out))) || complain "the report has $(cases_in shown) cases"
  grep -q "^# status: INVALID: $verdict" shown || complain "the status says: $(grep '^# status' shown)"
  ends_in 100 none_left || complain "processes are left: $(processes)"
  echo "rank $victim stopped: named after $((SECONDS - begin)) s"
}

stall 2 'stalled for more than 2 s in case [0-9]*_dispatch.*: did not arrive: rank 2 on '
stall 1 'stalled for more than 2 s in case [0-9]*_dispatch.*: did not arrive: rank 1 on '
# Rank 0 writes the report: it adds the reason itself, where the launcher wakes it to be ended and leaves it the time to.
stall 0 '\(the run did not end\|stalled for more than 2 s in case [0-9]*_dispatch.*: did not arrive: rank 0 on \)'

# Rank 0 stops between two cases, while it writes the report and the others wait for it.
rm -f report.h5* out err
timeout 300 "${launcher[@]}" 3 "$program" run smoke -o report.h5 --benchmark dispatch --max-time 1 --target-ci 0 \
  --time-limit 2 --prepare-limit 2 >out 2>err &
run=$!
ends_in 300 rank_is_there 0 || complain "no rank 0 within 30 s"
pid=$(process_of_rank 0)
ends_in 1200 first_case_over || complain "no case within two minutes"
# Until it is in fsync or fdatasync; a file system that is done at once may hide that: then it stops where it is.
for ((begin = SECONDS; SECONDS - begin < 4; )); do
  read -r call _ <"/proc/$pid/syscall" || complain "rank 0 ended too early"
  if [[ $call =~ ^(74|75|82|83)$ ]]; then break; fi
done
kill -STOP "$pid"
begin=$SECONDS status=0
wait "$run" || status=$?
((status == 3)) || complain "rank 0 stopped as it writes: status $status, not 3"
((SECONDS - begin <= 30)) || complain "rank 0 stopped as it writes: found out after $((SECONDS - begin)) s"
grep -qE "^moeperf: did not arrive: rank 0 on [^ ,]+ \(no answer" err || complain "rank 0 stopped as it writes: not named"
"$program" show report.h5.part >shown || (($? == 1)) || complain "rank 0 stopped as it writes: the report cannot be read"
ends_in 100 none_left || complain "processes are left: $(processes)"
echo "rank 0 stopped as it writes: named after $((SECONDS - begin)) s"

# A run whose ranks are all stopped for longer than the limit, and go on later, goes on to its end.
rm -f out err
timeout 300 "${launcher[@]}" 3 "$program" run smoke -o suspended.h5 --benchmark dispatch --scheme none \
  --max-time 6 --target-ci 0 --time-limit 2 >out 2>err &
run=$!
measuring() { (($(processes | wc -l) == 3)) && [[ -s suspended.h5.part ]]; }
ends_in 300 measuring || complain "suspended: no ranks within 30 s"
sleep 2
# shellcheck disable=SC2046 # several
kill -STOP $(processes)
sleep 5
for rank in 2 0 1; do # one after the other, as by hand
  kill -CONT "$(process_of_rank $rank)"
  sleep 0.3
done
status=0
wait "$run" || status=$?
((status == 0)) || complain "suspended as a whole: status $status"
grep -q '^# status: VALID' out || complain 'suspended as a whole: not VALID'
echo "suspended as a whole: went on"

# One rank alone, whose part takes longer than it may.
status=0
timeout 300 "${launcher[@]}" 1 "$program" run smoke -o alone.h5 --benchmark expert --kernel reference \
  --tokens 30000 --set model.hidden=512 --set model.intermediate=512 --time-limit 0.1 >out 2>err || status=$?
((status == 3)) || complain "one rank, too slow: status $status, not 3"
grep -qE '^moeperf: did not finish: rank 0 on ' err || complain "one rank, too slow: no message"
"$program" show alone.h5.part >shown || true # 1: INVALID
grep -qE '^# status: INVALID: stalled for more than 0.1 s .*rank 0' shown ||
  complain "one rank, too slow: not in the report"
echo "one rank alone: ended"

# Without a limit the same run goes on: it stops at nothing but its time.
status=0
timeout 300 "${launcher[@]}" 2 "$program" run smoke -o free.h5 --benchmark gate --time-limit 0 >out 2>err || status=$?
((status == 0)) || complain "no limit: status $status"
