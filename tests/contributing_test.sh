#!/usr/bin/env bash
# CONTRIBUTING.md names files, presets, tests and registries that exist. Argument: the source folder.
set -euo pipefail
cd "$1"
page=CONTRIBUTING.md
wrong=0
complain() {
  echo "$page: $*"
  wrong=1
}
words() { grep -oE -e "$1" "$page" | sort -u; }

# Paths in the source tree; NAME and … stand for the reader's own.
while read -r path; do
  [[ -e $path ]] || complain "no $path here"
done < <(words '`(benchmarks|cmake|comm|harness|kernels|results|slurm|tests)/[^` ]*`' | tr -d '`' | grep -vE 'NAME|…|\*')
while read -r registry; do
  grep -rqF --include='*.hpp' "$registry" kernels comm harness || complain "no function $registry"
done < <(words '[a-z]+_registry\(\)')
while read -r _ preset; do
  grep -q "\"name\": \"$preset\"" CMakePresets.json || complain "no preset $preset"
done < <(words '--preset [a-z]+')
while read -r type; do
  grep -rqE --include='*.hpp' "(class|struct) $type\\b" kernels comm results harness benchmarks || complain "no type $type"
done < <(words '`[A-Z][A-Za-z]+`' | tr -d '`' | grep -E '[a-z]' | grep -v CamelCase)
(($(words '`[a-z]+/[^` ]*`' | wc -l) > 10)) || complain "hardly a path found: looked in the wrong place?"
exit "$wrong"
