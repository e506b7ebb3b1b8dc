#!/usr/bin/env bash
# Builds moeperf from nothing and uses it. Run it from anywhere, as often as you like: what is already
# installed or built is kept.
#
#   bootstrap.sh deps               install what is missing (with apt; elsewhere it names the Spack packages)
#   bootstrap.sh build              deps, then build/bin/moeperf
#   bootstrap.sh run [ARGS…]        build, then `moeperf run` on all cores of this machine: ARGS are its
#                                   own (default: the suite `quick`); writes moeperf-HOST-TIME.h5 here.
#                                   --launches N: N launches in one report, as `moeperf compare` needs them
#   bootstrap.sh test               build with the tests, then run them; CI=true adds warnings as errors
#                                   and the unit tests under the sanitizers
#
# BUILD_DIR=DIR replaces build/. CMAKE_ARGS='…' is passed to CMake.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build_dir=$(realpath -m "${BUILD_DIR:-$source_dir/build}")
ci=${CI:-false}

packages=(g++ cmake ninja-build openmpi-bin libopenmpi-dev libhdf5-dev libdnnl-dev libtomlplusplus-dev
  libcli11-dev libfmt-dev nlohmann-json3-dev libhwloc-dev libucx-dev)
test_packages=(catch2)
ci_packages=(clang-format-14 git python3-h5py iproute2 util-linux slurmctld slurmd slurm-client munge)
spack_packages='cmake ninja openmpi hdf5~mpi onednn tomlplusplus cli11 fmt nlohmann-json hwloc ucx catch2'
missing_hint=

say() { echo "bootstrap: $*"; }
fail() {
  echo "bootstrap: $*" >&2
  exit 1
}

# --- dependencies ---

installed() { [[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == 'install ok installed' ]]; }
has_candidate() { [[ $(apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]; }

# What to do about a package that this system does not have.
advice_without() {
  case $1 in
    # Headers alone: those of any version and system serve.
    libtomlplusplus-dev) echo "toml++ (headers only: a later release's libtomlplusplus-dev unpacked with dpkg-deb -x PACKAGE DIR, whose DIR/usr is then the place; or its source, or Spack's tomlplusplus)" ;;
    *) echo "$1 (Spack, a module or its source)" ;;
  esac
}

# Installs those of the named packages that are not there. What cannot be installed is no error yet:
# the library may have come another way (module, Spack, source), which CMake finds out.
install_dependencies() {
  if ! command -v apt-get >/dev/null; then
    missing_hint="No apt here: load modules, or spack install $spack_packages and spack load them."
    [[ $command != deps ]] || say "$missing_hint"
    return
  fi
  local missing=() wanted=() unknown=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
    if ! command -v sudo >/dev/null || ! { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
      missing_hint="Neither root nor sudo: ask an administrator for apt-get install ${missing[*]}, or use Spack: $spack_packages."
      say "cannot install ${missing[*]} (neither root nor sudo); trying with what is here"
      return
    fi
  fi
  local log
  log=$(mktemp)
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || say "apt-get update failed ($(tail -n 1 "$log")); using the lists at hand"
  for package in "${missing[@]}"; do
    if has_candidate "$package"; then
      wanted+=("$package")
    elif [[ $package != clang-format-14 ]]; then  # without it the test `format` says that it is skipped
      unknown+=("$(advice_without "$package")")
    fi
  done
  if ((${#unknown[@]})); then
    missing_hint="This system has no package for: $(printf '%s, ' "${unknown[@]}" | sed 's/, $//'). Name its place with CMAKE_ARGS=-DCMAKE_PREFIX_PATH=PLACE."
    say "$missing_hint"
  fi
  if ((${#wanted[@]})); then
    say "installing ${wanted[*]}"
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${wanted[@]}" >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      fail "apt-get could not install ${wanted[*]}"
    fi
  fi
  rm -f "$log"
}

# --- the machine ---

# "QUOTA PERIOD" of this process's cgroup and of each above it, where there is a quota (cgroup 2 or 1). In a container
# the path may be one of the host's, of which only the top is seen here. Arguments, for tests: what stands for
# /proc/self/cgroup and for /sys/fs/cgroup.
cpu_quotas() {
  local memberships=${1:-/proc/self/cgroup} mounts=${2:-/sys/fs/cgroup} controllers path mount quota
  while IFS=: read -r _ controllers path; do
    case ,$controllers, in
      ,,) mount=$mounts ;;
      *,cpu,*) mount=$mounts/cpu ;;
      *) continue ;;
    esac
    path=${path%/}
    while :; do
      if [[ -r $mount$path/cpu.max ]]; then
        cat "$mount$path/cpu.max"
      elif [[ -r $mount$path/cpu.cfs_quota_us ]]; then
        quota=$(<"$mount$path/cpu.cfs_quota_us")
        echo "$quota $(<"$mount$path/cpu.cfs_period_us")"
      fi
      [[ -n $path ]] || break
      path=${path%/*}
    done
  done <"$memberships" | grep '^[0-9]' || true
}

# CPUs this process may use: its affinity, cut by the smallest quota. Arguments: those of cpu_quotas.
count_cpus() {
  local cpus quota period
  cpus=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  while read -r quota period; do
    if ((quota < cpus * period)); then cpus=$((quota < period ? 1 : quota / period)); fi
  done < <(cpu_quotas "$@" 2>/dev/null)
  echo "$cpus"
}

# Physical cores among them: two ranks on one core's hardware threads disturb each other. A machine
# that shows a single core with several threads (small virtual machines) counts its threads.
count_cores() {
  local cpus=$1 siblings threads_per_core=1
  siblings=$(cat /sys/devices/system/cpu/cpu0/topology/thread_siblings_list 2>/dev/null || echo 0)
  if [[ $siblings =~ ^([0-9]+)-([0-9]+)$ ]]; then
    threads_per_core=$((BASH_REMATCH[2] - BASH_REMATCH[1] + 1))
  elif [[ $siblings == *,* ]]; then
    threads_per_core=$(tr , '\n' <<<"$siblings" | wc -l)
  fi
  local cores=$((cpus / threads_per_core))
  echo $((cores > 1 ? cores : cpus))
}

# One job per CPU, and a GiB of memory for each.
count_jobs() {
  local cpus gib
  cpus=$(count_cpus)
  gib=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo 2>/dev/null || echo "$cpus")
  gib=$((gib > 1 ? gib : 1))
  echo $((cpus < gib ? cpus : gib))
}

# --- build ---

# Arguments: folder, then CMake's.
configure() {
  local folder=$1
  shift
  command -v cmake >/dev/null || fail "cmake is missing. ${missing_hint}"
  mkdir -p "$folder"
  if [[ ! -e $folder/CMakeCache.txt ]]; then
    if command -v ninja >/dev/null; then set -- -G Ninja "$@"; fi
    # CMAKE_ARGS come later and win.
    if [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER+set} ]] && command -v ccache >/dev/null; then
      set -- -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
    fi
    set -- -DCMAKE_BUILD_TYPE=Release "$@"
  fi
  # shellcheck disable=SC2086 # CMAKE_ARGS holds several words
  if ! cmake -S "$source_dir" -B "$folder" "$@" ${CMAKE_ARGS:-} >"$folder/configure.log" 2>&1; then
    grep -A 12 'CMake Error' "$folder/configure.log" | head -n 40 >&2 || tail -n 20 "$folder/configure.log" >&2
    fail "CMake failed (all of it: $folder/configure.log). ${missing_hint}"
  fi
}

# Arguments: folder, then targets (default: all).
compile() {
  local folder=$1
  shift
  local targets=()
  if (($#)); then targets=(--target "$@"); fi
  say "building in $folder"
  if ! cmake --build "$folder" -j "$(count_jobs)" "${targets[@]}" >"$folder/build.log" 2>&1; then
    grep -E -A 3 'error|FAILED|\*\*\*' "$folder/build.log" | head -n 40 >&2 || tail -n 20 "$folder/build.log" >&2
    fail "the build failed (all of it: $folder/build.log)"
  fi
}

build() {
  install_dependencies "${packages[@]}"
  # A folder that already has the tests keeps them.
  if [[ -e $build_dir/CMakeCache.txt ]]; then configure "$build_dir"; else configure "$build_dir" -DMOEPERF_TESTS=OFF; fi
  compile "$build_dir" moeperf moeperf_workloads
}

# --- run ---

# Environment of Open MPI on this one machine: root may start it, and TCP, which it would set up beside
# shared memory and which complains on machines with unusual network interfaces, stays out.
set_open_mpi_defaults() {
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=${OMPI_MCA_btl:-^tcp}
}

# Whether Linux forbids reading another process's memory, as the default system-call filter of older
# container runtimes does; Open MPI would otherwise try, fail and complain at each large message.
single_copy_forbidden() {
  local number
  case $(uname -m) in
    x86_64) number=310 ;;
    aarch64) number=270 ;;
    *) return 1 ;;
  esac
  command -v perl >/dev/null || return 1
  perl -e 'exit(syscall($ARGV[0] + 0, $$, 0, 0, 0, 0, 0) == -1 ? 0 : 1)' "$number"
}

run() {
  local launches=1 report='' rest=()
  while (($#)); do
    case $1 in
      --launches) launches=${2:-} && shift ;;
      --launches=*) launches=${1#*=} ;;
      *) rest+=("$1") ;;
    esac
    shift
  done
  [[ $launches =~ ^[1-9][0-9]{0,3}$ ]] || fail "--launches '$launches': accepted: a whole number from 1 to 9999"
  set -- "${rest[@]}"
  build
  if (($# == 0)) || [[ $1 == -* ]]; then set -- quick "$@"; fi
  if ((launches > 1)); then
    [[ " $* " != *' -o '* && " $* " != *' -o='* && " $* " != *' --output'* && " $* " != *' --append'* ]] ||
      fail "--launches goes with no -o, --output or --append: the report is moeperf-HOST-TIME.h5"
    report=moeperf-$(uname -n)-$(date -u +%Y%m%dT%H%M%SZ).h5
  fi

  local cpus cores ranks threads mpirun
  cpus=$(count_cpus)
  cores=$(count_cores "$cpus")
  ranks=$((cores < 8 ? cores : 8))
  threads=$((cores / ranks))
  mpirun=$(sed -n 's/^MPIEXEC_EXECUTABLE:[A-Z]*=//p' "$build_dir/CMakeCache.txt")
  [[ -x $mpirun ]] || fail "CMake found no mpirun (MPIEXEC_EXECUTABLE in $build_dir/CMakeCache.txt)"

  export OMP_NUM_THREADS=$threads
  set_open_mpi_defaults
  local options=() how='not bound' log
  if [[ $("$mpirun" --version 2>/dev/null) =~ Open\ MPI|OpenRTE|PRRTE ]]; then
    if single_copy_forbidden; then
      export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_smsc=^cma,xpmem,knem
      say "this container forbids reading another process's memory: messages within the node are copied twice"
    fi
    # Bound to cores where that works; not under a quota, whose CPUs are nobody's in particular.
    log=$(mktemp)
    local binding=(--map-by "slot:PE=$threads" --bind-to core) free=(--bind-to none) crowded=(--bind-to none --oversubscribe)
    if ((cpus == $(env -u OMP_NUM_THREADS nproc))) && "$mpirun" -n "$ranks" "${binding[@]}" true >"$log" 2>&1 </dev/null; then
      options=("${binding[@]}") how='bound to cores'
    elif "$mpirun" -n "$ranks" "${free[@]}" true >"$log" 2>&1 </dev/null; then
      options=("${free[@]}")
    elif "$mpirun" -n "$ranks" "${crowded[@]}" true >"$log" 2>&1 </dev/null; then
      options=("${crowded[@]}")
    else
      tail -n 20 "$log" >&2
      fail "$mpirun does not start $ranks processes here"
    fi
    rm -f "$log"
  fi
  say "ranks: $ranks, threads of each: $threads, $how: moeperf run $*"
  local command=("$mpirun" -n "$ranks" "${options[@]}" "$build_dir/bin/moeperf" run "$@")
  ((launches > 1)) || exec "${command[@]}" </dev/null
  local launch
  for ((launch = 1; launch < launches; ++launch)); do
    say "launch $launch of $launches"
    "${command[@]}" --append "$report" </dev/null >/dev/null
  done
  say "launch $launches of $launches"
  exec "${command[@]}" --append "$report" </dev/null
}

# --- test ---

run_tests() {
  local wanted=("${packages[@]}" "${test_packages[@]}") options=(-DMOEPERF_TESTS=ON)
  if [[ $ci == true ]]; then
    wanted+=("${ci_packages[@]}")
    options+=(-DMOEPERF_WERROR=ON)
    [[ -n ${CMAKE_CXX_COMPILER_LAUNCHER:-} ]] || command -v ccache >/dev/null || options+=(-DMOEPERF_PRECOMPILE=ON)
  fi
  install_dependencies "${wanted[@]}"
  set_open_mpi_defaults
  # One more than CPUs: a test that mostly waits beside those that compute (PROCESSORS in tests/CMakeLists.txt).
  local tests_at_once=$(($(count_cpus) + 1))
  configure "$build_dir" "${options[@]}"
  compile "$build_dir"
  if [[ $ci == true ]]; then
    # Without -Werror: the sanitizers' own code makes GCC warn falsely, as its manual says.
    local asan_dir=$build_dir-asan
    configure "$asan_dir" "${options[@]}" -DMOEPERF_SANITIZE=ON -DMOEPERF_WERROR=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo
    compile "$asan_dir" kernels_tests comm_tests results_tests harness_tests
    # MPI libraries keep memory to the end of the process.
    ASAN_OPTIONS=detect_leaks=0 ctest --test-dir "$asan_dir" -j "$tests_at_once" --output-on-failure --no-tests=error \
      -R '^(kernels|results|comm|harness)$' || fail "the unit tests failed under the sanitizers"
  fi
  ctest --test-dir "$build_dir" -j "$tests_at_once" --output-on-failure --no-tests=error || fail "tests failed (run again by name: ctest --test-dir $build_dir -R NAME)"
}

command=${1:-help}
shift || true
case $command in
  deps)
    install_dependencies "${packages[@]}" "${test_packages[@]}"
    [[ -n $missing_hint ]] || say "all dependencies are installed"
    ;;
  build) build && say "built $build_dir/bin/moeperf" ;;
  run) run "$@" ;;
  test) run_tests ;;
  help | -h | --help) sed -n '2,/^set -e/s/^#\( \|$\)//p' "${BASH_SOURCE[0]}" ;;
  *) fail "unknown command '$command'; known: deps build run test" ;;
esac
