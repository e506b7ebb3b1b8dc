#!/usr/bin/env bash
# slurm/moeperf.sbatch on four nodes (tests/slurm_cluster.sh): reports, logs and statuses of what jobs go through.
# Arguments: the source folder, the program, cases (functions below; default: all that are listed at the end). Exit 77:
# skipped.
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
trap 'kill $(jobs -p) 2>/dev/null || true; "$cluster" down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
(cd "$shared" && "$cluster" up 4 $$) || skip "no Slurm cluster starts here"
# More ranks than cores, all on one machine: who waits gives its core away.
export OMPI_MCA_btl_tcp_if_include=$hosts_network.0/24 OMPI_MCA_mpi_yield_when_idle=1
unset OMPI_MCA_btl  # these nodes have nothing but TCP between them

script=$source_dir/slurm/moeperf.sbatch
two_ranks=(-N2 --ntasks-per-node=1)
eight_ranks=(-N4 --ntasks-per-node=2)
# Which nodes the jobs of a lane keep off (`lane`, below); no lane: they take any.
lane_off=()
lane_nodes=node[1-4]
lane_size=4
# Options of sbatch, the script, its arguments; prints the job's number.
submit() { timeout 300 "$cluster" exec sbatch --parsable "${lane_off[@]}" "$@"; }
# The same, to the job's end. Sets `job` and `status`.
submit_and_wait() {
  status=0
  job=$(submit -W "$@") || status=$?
}
fail() {
  tail -v -n 40 -- *.log || true
  "$cluster" exec squeue || true
  ls
  echo "FAILED: $*"
  exit 1
}
expect_status() { ((status == $1)) || fail "$2: status $status, not $1"; }
expect_file() { [[ -s $1 ]] || fail "$2: no $1"; }
expect_line() { grep -qE -- "$1" "$2" || fail "$3: no line '$1' in $2"; }
within() { # tenths of a second $1: command ${@:2} succeeds
  local i
  for ((i = 0; i < $1; i++)); do
    if "${@:2}"; then return; fi
    sleep 0.1
  done
  return 1
}
job_is() { [[ $("$cluster" exec squeue -h -j "$1" -o %T 2>/dev/null) == "$2" ]]; }
job_is_over() { [[ $("$cluster" exec squeue -h -j "$1" -o %T 2>&1) =~ ^$|'Invalid job id' ]]; }
nodes_are_idle() { [[ $("$cluster" exec sinfo -h -n "$lane_nodes" -t idle -o %D) == "$lane_size" ]]; }
has_line() { grep -qE -- "$1" "$2" 2>/dev/null; }
# Several cases one after the other, each of as many seconds as follow.
long_run=(run smoke --benchmark dispatch --target-ci 0 --max-time)

a_run_leaves_a_report() {
  submit_and_wait "${eight_ranks[@]}" "$script" smoke
  expect_status 0 smoke
  expect_file "moeperf-$job.h5" smoke
  expect_line '^# 8 ranks on 4 nodes' "moeperf-$job.log" smoke
  tail -n 5 "moeperf-$job.log"
}

a_mistake_has_its_status() {
  submit_and_wait "${two_ranks[@]}" "$script" no-such-workload
  expect_status 2 'an unknown workload'
  [[ ! -e moeperf-$job.h5 && ! -e moeperf-$job.h5.part ]] || fail "an unknown workload left a report"
  submit_and_wait "${two_ranks[@]}" "$script" show a.h5
  expect_status 2 'show, which is no matter of nodes'
  export MOEPERF_SEED_PER_TASK=1
  submit_and_wait "${two_ranks[@]}" "$script" smoke
  unset MOEPERF_SEED_PER_TASK
  expect_status 2 'seeds per task without tasks'
  expect_line 'accepted with sbatch --array' "moeperf-$job.log" 'seeds per task without tasks'
}

other_subcommands_go_through_the_script() {
  submit_and_wait "${two_ranks[@]}" "$script" tune smoke --scheme none --dispatcher mpi-alltoallv,mpi-pairwise -n 3
  expect_status 0 tune
  expect_file "moeperf-$job.h5" tune
  expect_line '^best_dispatcher' "moeperf-$job.log" tune
  submit_and_wait "${two_ranks[@]}" "$script" list dispatchers
  expect_status 0 list
  expect_line '^ +mpi-alltoallv' "moeperf-$job.log" list
}

tasks_of_an_array_have_reports_and_seeds() {
  local task
  export MOEPERF_SEED_PER_TASK=10
  submit_and_wait --array=3-4 -N1 --ntasks-per-node=2 "$script" smoke --benchmark gate
  unset MOEPERF_SEED_PER_TASK
  expect_status 0 'an array'
  for task in 3 4; do
    expect_file "moeperf-${job}_$task.h5" 'an array'
    expect_file "moeperf-${job}_$task.log" 'an array'
    expect_line "seed $((10 + task))\$" "moeperf-${job}_$task.log" 'an array'
  done
  [[ -z $(find . -name '*4294967294*') ]] || fail "files of no task"
}

launches_go_into_one_report() {
  export MOEPERF_LAUNCHES=2
  submit_and_wait "${two_ranks[@]}" "$script" smoke --benchmark gate
  expect_status 0 'two launches'
  expect_line '^moeperf.sbatch: launch 2 of 2$' "moeperf-$job.log" 'two launches'
  "$MOEPERF" show "moeperf-$job.h5" >"shown-$job" || fail "two launches: their report"
  expect_line '^# 1 case, 2 launches: ' "shown-$job" 'two launches'
  submit_and_wait "${two_ranks[@]}" "$script" list dispatchers
  unset MOEPERF_LAUNCHES
  expect_status 2 'launches of list'
  local command="$MOEPERF run smoke --benchmark gate --max-time 0.1"
  submit_and_wait "${two_ranks[@]}" "$script" ab --pairs 2 --base "$command" --new "$command"
  expect_status 0 'ab'
  expect_file "moeperf-$job-base.h5" 'ab'
  expect_line '^# 1 part compared: 0 FASTER, 0 SLOWER, 0 SAME, 1 CANNOT TELL' "moeperf-$job.log" 'ab'
}

a_run_out_of_time_is_resumed() {
  submit_and_wait "${two_ranks[@]}" "$script" smoke --benchmark dispatch --total-time 5 --resume slow.h5
  expect_status 3 'out of time'
  expect_file slow.h5.part 'out of time'
  expect_line '^moeperf: out of time: ' "moeperf-$job.log" 'out of time'
  submit_and_wait "${two_ranks[@]}" "$script" smoke --benchmark dispatch --resume slow.h5
  expect_status 0 'resumed'
  expect_line '^# [0-9]+ cases, 2 launches: ' "moeperf-$job.log" 'resumed'
  expect_file slow.h5 'resumed'
}

# What the names of report and log begin with and the log of the second life, with JOB for the number; options of sbatch.
requeued() {
  local begin=$1 lives=$2
  shift 2
  job=$(submit "$@" "$script" "${long_run[@]}" 2)
  begin=${begin//JOB/$job}
  lives=${lives//JOB/$job}
  within 900 has_line '^ dispatch ' "$begin.log" || fail "$begin: no case within 90 s"
  "$cluster" exec scontrol requeue "$job"
  within 300 job_is "$job" PENDING || fail "$begin: not waiting for its second life"
  # Slurm lets two minutes pass, so that all of the first life is over.
  within 600 nodes_are_idle || fail "$begin: its first life does not end"
  "$cluster" exec scontrol update "jobid=$job" StartTime=now
  within 1800 job_is_over "$job" || fail "$begin: no end of its second life"
  expect_file "$begin-restart1.h5" "$begin, second life"
  expect_line '^# status: VALID' "$lives" "$begin, second life"
  expect_file "$begin.h5.part" "$begin, first life"
}
a_requeued_job_loses_nothing() {
  requeued moeperf-JOB moeperf-JOB.log "${two_ranks[@]}"
  (($(grep -c '^moeperf.sbatch: job ' "moeperf-$job.log") == 2)) || fail "two lives are not in one log"
  requeued moeperf-JOB_7 moeperf-JOB_7-restart1.log --array=7 "${two_ranks[@]}"
  expect_line '^ dispatch ' "moeperf-${job}_7.log" 'a task, first life'
}

# Of the program: how it takes signals and a rank that stops.
a_cancelled_run_closes_its_report() {
  job=$(submit "${two_ranks[@]}" "$script" "${long_run[@]}" 20)
  within 900 has_line '^ dispatch ' "moeperf-$job.log" || fail "no case within 90 s"
  "$cluster" exec scancel "$job"
  within 600 job_is_over "$job" || fail "a cancelled job does not end"
  expect_file "moeperf-$job.h5.part" 'a cancelled job'
  "$MOEPERF" show "moeperf-$job.h5.part" >"shown-$job" || true
  expect_line '^ dispatch ' "shown-$job" 'a cancelled job'
  expect_line '^# status: INVALID: .*(SIGTERM|signal)' "shown-$job" 'a cancelled job'
  expect_line "moeperf-$job.h5.part" "moeperf-$job.log" 'where what was measured is'
}
a_stalled_rank_has_its_status() {
  job=$(submit -N2 --ntasks-per-node=2 "$script" "${long_run[@]}" 20 --time-limit 5)
  within 900 has_line '^ dispatch ' "moeperf-$job.log" || fail "no case within 90 s"
  sleep 2 # into the second case's samples
  kill -STOP "$(process_of_rank 3 "$job")"
  within 1800 job_is_over "$job" || fail "a stalled job does not end"
  expect_line '^moeperf.sbatch: ended with status 3$' "moeperf-$job.log" 'a stalled rank'
  expect_line '^moeperf: did not arrive: rank 3 on node2 \(no answer' "moeperf-$job.log" 'a stalled rank'
  "$MOEPERF" show "moeperf-$job.h5.part" >"shown-$job" || true
  expect_line '^# status: INVALID: .*stalled for more than 5 s in case .*: arrived: ranks 0-1 on node1, all of that node, waiting for other nodes \(ranks: 2\)' "shown-$job" 'a stalled rank'
}
ranks_too_slow_together_end_by_themselves() {
  submit_and_wait "${two_ranks[@]}" "$script" smoke --benchmark expert --kernel reference --tokens 30000 \
    --set model.hidden=256 --set model.intermediate=256 --time-limit 0.1
  expect_line '^moeperf.sbatch: ended with status 3$' "moeperf-$job.log" 'ranks too slow together'
  ! grep -q 'a signal ended a task' "moeperf-$job.log" || fail "ranks too slow together did not end by themselves"
  expect_line '^moeperf: arrived: rank 0 on node1, all of that node' "moeperf-$job.log" 'ranks too slow together'
  expect_line '^moeperf: in case .*: arrived: rank 1 on node2, all of that node' "moeperf-$job.log" 'ranks too slow together'
}
process_of_rank() { # RANK JOB
  local file pid
  for file in $(grep -slzxF "SLURM_JOB_ID=$2" /proc/[0-9]*/environ); do
    pid=${file//[^0-9]/}
    if [[ $(readlink "/proc/$pid/exe") -ef $MOEPERF ]] && grep -qzxF "PMIX_RANK=$1" "/proc/$pid/environ"; then echo "$pid"; fi
  done
}

in_turn() {
  local case
  for case in "$@"; do
    SECONDS=0
    "$case"
    echo "$case: passed, $SECONDS s"
  done
}
# NODES OTHERS CASES…: one after the other on the two nodes NODES. Most of their time is waiting (Slurm's for a task that
# does not end, or for a job's second life), so two lanes take half of it.
lane() {
  lane_nodes=$1 lane_off=(--exclude="$2") lane_size=2
  in_turn "${@:3}"
}

if (($# > 2)); then
  in_turn "${@:3}"
  exit
fi
in_turn a_run_leaves_a_report
lane 'node[1-2]' 'node[3-4]' a_stalled_rank_has_its_status ranks_too_slow_together_end_by_themselves \
  a_mistake_has_its_status tasks_of_an_array_have_reports_and_seeds &
lane 'node[3-4]' 'node[1-2]' a_requeued_job_loses_nothing a_cancelled_run_closes_its_report \
  other_subcommands_go_through_the_script launches_go_into_one_report a_run_out_of_time_is_resumed &
failed=0
for lane in $(jobs -p); do wait "$lane" || failed=1; done
exit "$failed"
