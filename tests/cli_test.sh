#!/usr/bin/env bash
# What surrounds a measurement: a login node whose MPI cannot start, output that cannot be written, a mistake under a
# launcher, names of reports, signals. Arguments: the program, mpirun and its options up to -n.
set -euo pipefail
program=$(realpath "$1")
launcher=("${@:2}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
complain() {
  echo "$*"
  head -n 50 out err
  exit 1
}
# EXPECTED-STATUS WHAT COMMAND…: its output in the files out and err.
expect() {
  local expected=$1 what=$2 status=0
  timeout 300 "${@:3}" >out 2>err </dev/null || status=$?
  ((status == expected)) || complain "$what: status $status, not $expected"
}
small=(--benchmark gate -n 3 -w 0 --phase prefill --tokens 16)

# A report to read.
expect 0 "a small run" "$program" run smoke "${small[@]}" -o a.h5

# --- no MPI: Open MPI aborts a process whose MPI_Init fails ---
no_mpi=(env OMPI_MCA_pml=nonexistent)
if "${no_mpi[@]}" "$program" run smoke "${small[@]}" -o no.h5 >out 2>err; then
  echo "SKIPPED: this MPI cannot be kept from starting"
else
  expect 0 "--help without MPI" "${no_mpi[@]}" "$program" --help
  expect 0 "run --help without MPI" "${no_mpi[@]}" "$program" run --help
  expect 0 "--version without MPI" "${no_mpi[@]}" "$program" --version
  expect 0 "show without MPI" "${no_mpi[@]}" "$program" show a.h5
  grep -q '^# status: VALID' out || complain "show without MPI shows nothing"
  expect 0 "compare without MPI" "${no_mpi[@]}" "$program" compare a.h5 a.h5
  expect 2 "a mistake without MPI" "${no_mpi[@]}" "$program" run --no-such-option
  expect 2 "no such report without MPI" "${no_mpi[@]}" "$program" show no-such.h5
  expect 0 "list without MPI" "${no_mpi[@]}" "$program" list
  grep -qE '^  mpi-alltoallv .*\[not asked: needs MPI\]$' out || complain "list does not say what it did not ask"
  grep -qE '^  deepseek-v3 .* 256 experts' out || complain "list without MPI lacks the workloads"
  grep -q 'without MPI, which does not start here' err || complain "list does not say why"
  expect 0 "list --json without MPI" "${no_mpi[@]}" "$program" list dispatchers --json
  grep -q '"usable": null' out || complain "list --json: no null"
  expect 0 "dry run without MPI" "${no_mpi[@]}" "$program" run smoke --dry-run
  grep -qE '^# [0-9]+ cases; time: about ' out || complain "the dry run without MPI lacks its cases or time"
  grep -q '^# not asked: whether dispatchers can run' out || complain "the dry run does not say what it did not ask"
  expect 2 "a dry run's mistake without MPI" "${no_mpi[@]}" "$program" run smoke --dry-run --wire fp4
fi
expect 0 "list with MPI" "$program" list dispatchers
grep -qE '^  mpi-alltoallv ' out || complain "list lacks the dispatchers"
! grep -q 'not asked' out || complain "list with MPI did not ask"

# --- launches: one more of the same, nothing else; comparing them ---
gate=(run smoke "${small[@]}" --kernel reference)
for launch in 1 2 3 4; do
  expect 0 "launch $launch" "$program" "${gate[@]}" --append pooled.h5
  [[ ! -e pooled.h5.launch ]] || complain "launch $launch: its own file is left"
done
grep -q '^# report: pooled.h5' out || complain "the report of the launches is not named"
expect 0 "show of launches" "$program" show pooled.h5
expect 2 "another seed as a launch" "$program" "${gate[@]}" --append pooled.h5 --seed 5
grep -q 'seed: 1 | 5' err || complain "another seed is not named"
expect 2 "--append and -o" "$program" "${gate[@]}" --append pooled.h5 -o other.h5
cp pooled.h5 before.h5
expect 0 "one launch against four" "$program" compare before.h5 a.h5
! grep -qE '^ *(FASTER|SLOWER) ' out || complain "a verdict from one launch"
grep -q 'launches: it takes .* of each to tell' out || complain "what is missing is not said"
expect 1 "--fail-on cannot-tell" "$program" compare before.h5 a.h5 --fail-on cannot-tell
expect 0 "--fail-on slower" "$program" compare before.h5 a.h5 --fail-on slower
expect 0 "compare --json" "$program" compare before.h5 a.h5 --json
grep -q '"verdict": "CANNOT TELL"' out || complain "no verdict in JSON"
in_turns=(ab --pairs 6 --launcher "${launcher[*]} 2" --base "$program ${gate[*]} --set model.hidden=256")
expect 1 "a true change" "$program" "${in_turns[@]}" --new "$program ${gate[*]} --set model.hidden=2048" --fail-on slower
grep -qE '^ *SLOWER .* 6\|6 ' out || complain "a true change is not found"
expect 2 "reports of ab are not replaced" "$program" "${in_turns[@]}" --new "$program ${gate[*]}"
expect 3 "a launch that fails" "$program" "${in_turns[@]}" --new false -o fails
grep -q 'launch 1 of new has status 1; see fails.log: .*false$' err || complain "the launch that failed is not named"

expect 3 "a command that measures nothing" "$program" "${in_turns[@]}" --new true -o nothing
grep -q 'launch 1 of new wrote no report; see nothing.log' err || complain "a command without a report is not named"

# --- a run that ends early, is killed, or goes on ---
parts=(run smoke --benchmark 'gate|permute|dispatch' --scheme none,ideal --phase prefill --tokens 16 --target-ci 0)
two=("${launcher[@]}" 2 "$program" "${parts[@]}" --max-time 0.7)
expect 3 "a run without time" "${two[@]}" --total-time 5 -o early.h5
grep -qE '^moeperf: out of time: .*; what was measured until then, 0 of [0-9]+ cases: early.h5.part; --resume early.h5 goes on' err ||
  complain "a run without time does not say so"
expect 2 "--resume of something else" "${two[@]}" --resume early.h5 --seed 7
[[ -e early.h5.part ]] || complain "--resume of something else lost the part"
"${two[@]}" --resume early.h5 >out 2>err </dev/null &
run=$!
for ((i = 0; i < 600; i++)); do
  if (($(grep -c '^ permute ' out) >= 4)); then break; fi
  sleep 0.1
done
kill -KILL $(pgrep -f -- "--resume early.h5") || complain "no process to kill"
wait "$run" || true
expect 2 "--resume with other settings" "${launcher[@]}" 2 "$program" "${parts[@]}" --max-time 0.8 --resume early.h5
expect 0 "--resume" "${two[@]}" --resume early.h5.part
grep -qE '^# [1-9][0-9]* of [0-9]+ cases were measured before' out || complain "--resume measured all again"
grep -qE '^# [0-9]+ cases, 3 launches: ' out || complain "the launches are not told"
[[ ! -e early.h5.part && ! -e early.h5.part.before ]] || complain "--resume left its parts"
expect 0 "validate what was resumed" "$program" validate early.h5
expect 0 "--resume of what is complete" "${two[@]}" --resume early.h5

# --- a report is what a run wrote, or was edited ---
expect 0 "validate" "$program" validate a.h5 pooled.h5 ab-base.h5
grep -q '^pooled.h5: sound; its run is VALID' out || complain "validate does not say that a report is sound"
cp a.h5 edited.h5
printf 'X' | dd of=edited.h5 bs=1 seek="$(grep -abo 'VALID' edited.h5 | head -n 1 | cut -d: -f1)" conv=notrunc 2>/dev/null
status=0
"$program" validate edited.h5 >out 2>err || status=$?
((status == 1 || status == 2)) || complain "an edited report: status $status"
expect 2 "validate what is no report" "$program" validate out
expect 0 "--scrub" "$program" validate a.h5 --scrub public.h5
expect 0 "validate what was scrubbed" "$program" validate public.h5
! grep -qaF "$(dirname "$program")" public.h5 || complain "a scrubbed report names a folder"
expect 2 "--scrub onto a file" "$program" validate a.h5 --scrub public.h5
expect 2 "--scrub of two" "$program" validate a.h5 pooled.h5 --scrub both.h5

# --- text that is lost is a failure ---
for arguments in --help --version "run --help" "list" "show a.h5" "compare a.h5 a.h5" "run smoke --dry-run"; do
  status=0
  # shellcheck disable=SC2086 # words
  "$program" $arguments >/dev/full 2>err || status=$?
  : >out
  ((status == 3)) || complain "$arguments > /dev/full: status $status, not 3"
  grep -q 'standard output could not be written' err || complain "$arguments > /dev/full: no message"
done
status=0
"$program" run smoke "${small[@]}" -o full.h5 >/dev/full 2>err || status=$?
((status == 3)) || complain "run > /dev/full: status $status, not 3"
"$program" show full.h5 | grep -q '^# status: VALID' || complain "run > /dev/full left no whole report"
if python3 -c "import h5py" 2>/dev/null; then
  python3 -c "import h5py, numpy; h5py.File('z.h5', 'w')['logits'] = numpy.zeros((4, 8), 'f4')"
  status=0
  "$program" route --logits z.h5 --top-k 2 -o routed.h5 >/dev/full 2>err || status=$?
  ((status == 3)) && [[ -s routed.h5 ]] || complain "route > /dev/full: status $status, not 3, or no file"
fi

# --- a mistake under a launcher is said once, and its status arrives ---
expect 2 "a mistake on three ranks" "${launcher[@]}" 3 "$program" run --no-such-option
(($(grep -c 'no-such-option' err) == 1)) || complain "a mistake on three ranks is not said once"
expect 2 "an unknown value on three ranks" "${launcher[@]}" 3 "$program" run smoke --wire fp4
(($(grep -c 'moeperf: error: --wire: .*fp4.* given; accepted: native' err) == 1)) || complain "--wire is not blamed, once"
expect 2 "nothing written" "$program" run smoke --chunks 0 -o mistake.h5
[[ ! -e mistake.h5 && ! -e mistake.h5.part ]] || complain "a mistake left a file"
expect 0 "help on three ranks" "${launcher[@]}" 3 "$program" --help
(($(grep -c 'benchmark suite for' out) == 1)) || complain "help on three ranks is not printed once"
expect 0 "show on three ranks" "${launcher[@]}" 3 "$program" show a.h5
(($(grep -c '^# status: ' out) == 1)) || complain "show on three ranks does not print once"
grep -q -- '--prepare-limit' <("$program" run --help) || complain "--help does not say the limit of preparation"

# --- numbers that are none, do not fit or leave nothing to do ---
for given in '--seed 99999999999999999999999' '--seed -1' '--tokens 1e3' '--chunks two' '-n 0' '-w -1'; do
  # shellcheck disable=SC2086 # words
  expect 2 "$given" "$program" run smoke $given -o none.h5
  grep -q 'accepted: a whole number from [01] to 9223372036854775807' err || complain "$given: what is accepted is not said"
done
expect 2 "a seed below 0" "$program" run smoke --set run.seed=-1 -o none.h5
expect 2 "no token for this rank" "$program" run smoke --tokens 0,5 -o none.h5
grep -q 'no token falls to 1 rank; accepted: ' err || complain "no token for this rank: not said"
[[ -z $(compgen -G 'none.h5*') ]] || complain "a mistake left something"

# --- a reader that leaves loses text, not the run ---
status=0
{ "$program" run smoke "${small[@]}" -o pipe.h5 2>err || status=$?; echo "$status" >out; } | head -n 1 >/dev/null
[[ $(<out) == 3 && -s pipe.h5 ]] || complain "run … | head: status $(<out), not 3 and a report"

# --- ranks that share one CPU ---
if command -v taskset >/dev/null && [[ $("${launcher[0]}" --version 2>/dev/null) =~ 'Open MPI' ]]; then
  expect 0 "two ranks on one CPU" taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" "${launcher[@]}" 2 --bind-to none \
    "$program" run smoke "${small[@]}" -o shared.h5
  grep -q 'more threads than CPUs' err || complain "two ranks on one CPU: no warning"
fi

# --- a name that is taken in the same second: the next one ---
mkdir names && cd names
runs=()
for _ in 1 2 3; do
  "$program" run smoke "${small[@]}" >/dev/null 2>>../err &
  runs+=($!)
done
for pid in "${runs[@]}"; do wait "$pid" || complain "of three runs at the same time one fails"; done
found=(moeperf-*.h5)
((${#found[@]} == 3)) || complain "three runs at the same time left ${#found[@]} reports"
[[ -z $(compgen -G '*.part*') ]] || complain "something is left beside the reports"
cd ..

# --- signals: the case under way is given up, the report closed, status 3 ---
long=(run smoke --benchmark 'gate|expert' --phase prefill --max-time 4 --target-ci 0 --set balancing.steps=2)
# WHAT SIGNAL COMMAND…: the signal goes to the command once a case is being measured.
interrupted() {
  local what=$1 signal=$2 status=0 pid i
  rm -f cut.h5* out err  # of the run before
  "${@:3}" "${long[@]}" -o cut.h5 >out 2>err </dev/null &
  pid=$!
  for ((i = 0; i < 600; i++)); do
    ! grep -sq '^ expert' out || break
    sleep 0.1
  done
  kill "-$signal" "$pid"
  wait "$pid" || status=$?
  [[ -s cut.h5.part && ! -e cut.h5 ]] || complain "$what, $signal: no cut.h5.part (status $status)"
  # PRRTE, Open MPI 5's launcher, forwards nothing more once it was told to end itself.
  [[ $what != 'one rank' && $("${launcher[0]}" --version 2>/dev/null) =~ PRRTE|'Open MPI) 5' ]] ||
    grep -qE '^moeperf: what was measured until then, [0-9]+ of [0-9]+ cases: cut.h5.part$' err ||
    complain "$what, $signal: where the report is is not said"
  "$program" show cut.h5.part >shown || true
  grep -qE '^# status: INVALID: .*ended by SIG[A-Z]+ in case ' shown || complain "$what, $signal: the status does not say why: $(grep status shown)"
  echo "$status"
}
# Not in the background of a script's shell, where SIGINT is ignored: under a process that restores it.
restore=(env --default-signal=INT,HUP,TERM)
for signal in TERM INT HUP; do
  status=$(interrupted "one rank" "$signal" "${restore[@]}" "$program") || { echo "$status"; exit 1; }
  [[ $status == 3 ]] || complain "one rank, $signal: status $status, not 3"
done
status=$(interrupted "three ranks" TERM "${restore[@]}" "${launcher[@]}" 3 "$program") || { echo "$status"; exit 1; }
[[ $status != 0 ]] || complain "three ranks, TERM: status 0"
echo "without MPI, without output, mistakes, names, signals: as documented"
