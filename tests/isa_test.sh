#!/usr/bin/env bash
# Runs a program as on a processor that has no more than a level of x86-64: the cap on our own code and oneDNN's, which
# does not follow ours, together. Arguments: generic, avx2 or avx512; the program and its arguments. Exit 77: skipped.
set -euo pipefail
level=$1
shift
case $level in
  generic) flag=sse4_1 onednn=SSE41 ;;
  avx2) flag=avx2 onednn=AVX2 ;;
  avx512) flag=avx512bw onednn=AVX512_CORE ;;
  *) echo "no level $level: generic, avx2, avx512"; exit 2 ;;
esac
grep -qw "$flag" /proc/cpuinfo || { echo "SKIPPED: this processor has no $flag"; exit 77; }
export MOEPERF_MAX_ISA=$level ONEDNN_MAX_CPU_ISA=$onednn DNNL_MAX_CPU_ISA=$onednn
exec "$@"
