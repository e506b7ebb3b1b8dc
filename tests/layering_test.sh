#!/usr/bin/env bash
# Includes follow the arrows between layers, foreign headers stay where they belong, and a header compiles alone because
# the source of its name includes it first (those without one are compiled by header_checks). Argument: the source
# folder. Prints each violation as FILE: INCLUDE: why.
set -euo pipefail
cd "$1"

includes() { grep -rnE --include='*.hpp' --include='*.cpp' '^[[:space:]]*#[[:space:]]*include' "$@" 2>/dev/null || true; }
folders=(kernels comm results harness benchmarks)

wrong=0
while read -r header; do
  source=${header%.hpp}.cpp
  [[ $(head -n 1 "$header") == '#pragma once' ]] || { echo "$header: begins with no #pragma once"; wrong=1; }
  [[ ! -e $source ]] || [[ $(grep -m 1 '^#include' "$source") == "#include \"$header\"" ]] ||
    { echo "$source: \"$header\": is not what it includes first"; wrong=1; }
done < <(find "${folders[@]}" tests -name '*.hpp')
((wrong == 0))

includes "${folders[@]}" | awk '
  # The layer of a path: its longest known prefix, a folder, or the beginning of file names, which ends with "_".
  function layer(path,   i, found) {
    found = ""
    for (i in may_use)
      if (index(path, i ~ /_$/ ? i : i "/") == 1 && length(i) > length(found)) found = i
    return found
  }
  function uses(who, what) { may_use[who] = may_use[who] " " what " " }
  function complain(why) {
    print file ":" line ": " included ": " why
    violations++
  }
  BEGIN {
    base = "kernels/base"
    uses(base, base)
    uses("kernels", base " kernels")
    uses("kernels/reference", base " kernels kernels/reference")
    uses("kernels/cpu", base " kernels kernels/cpu")
    uses("kernels/cuda", base " kernels kernels/cuda")
    uses("comm/mpi", base " comm/mpi")
    uses("comm/ucx", base " comm/mpi comm/ucx")
    uses("comm/nccl", base " kernels/cuda comm/mpi comm/nccl")
    uses("comm", base " kernels comm/mpi comm/ucx comm")
    uses("comm/dispatch/nccl_", base " kernels kernels/cuda comm/mpi comm/nccl comm comm/dispatch/nccl_")
    uses("results", base " results")
    uses("harness", base " kernels comm/mpi comm results harness")
    room = base " kernels comm/mpi comm results harness"
    uses("benchmarks/configuration", room " benchmarks/configuration")
    uses("benchmarks/axes", room " benchmarks/configuration benchmarks/axes")
    room = room " benchmarks/configuration benchmarks/axes"
    uses("benchmarks/inputs", room " benchmarks/inputs")
    uses("benchmarks/plan", room " benchmarks/inputs benchmarks/plan")
    uses("benchmarks/verification", room " benchmarks/inputs benchmarks/verification")
    uses("benchmarks/baselines", room " benchmarks/inputs benchmarks/verification benchmarks/baselines")
    rooms = " benchmarks/inputs benchmarks/plan benchmarks/verification benchmarks/baselines "
    # A library for the programs of others.
    uses("benchmarks/layer", base " kernels comm/mpi comm benchmarks/layer")
    uses("benchmarks/cli", room rooms " kernels/reference benchmarks/layer benchmarks/cli")
    uses("benchmarks", room rooms " benchmarks/layer benchmarks/cli benchmarks")

    # Foreign header (a pattern) → the folders it belongs to.
    foreign["^(mpi|mpi-ext|pmix)\\.h$"] = "^(comm|harness|benchmarks)/"
    foreign["^(hdf5.*|H5.*)\\.h"] = "^results/"
    foreign["^(oneapi/dnnl/|dnnl)"] = "^kernels/cpu/"
    foreign["^(cuda|cublas|nccl|nvml|curand)"] = "^(kernels/cuda/|comm/nccl/|comm/dispatch/nccl_)"
    foreign["^uc[pst]/"] = "^comm/ucx/"
    foreign["^hwloc"] = "^harness/"
    foreign["^CLI/"] = "^benchmarks/cli/"
    foreign["^toml\\+\\+/"] = "^benchmarks/"
  }
  {
    split($0, parts, ":")
    file = parts[1]; line = parts[2]
    text = $0
    sub(/^[^:]*:[^:]*:[^<"]*[<"]/, "", text)
    sub(/[>"].*$/, "", text)
    included = text
    seen++
    for (pattern in foreign)
      if (included ~ pattern && file !~ foreign[pattern]) complain("does not belong in this folder")
    if ($0 !~ /include[[:space:]]*"/) next
    own = layer(file); other = layer(included)
    if (included ~ /^tests\//) complain("tests are not for use")
    else if (other == "") { if (included !~ /\//) complain("write the path from the top of the source tree") }
    else if (index(may_use[own], " " other " ") == 0) complain(own " must not use " other)
  }
  END {
    if (seen < 50) { print "only " seen + 0 " includes seen: looked in the wrong place?"; exit 1 }
    if (violations) exit 1
    print seen " includes follow the layers"
  }'
