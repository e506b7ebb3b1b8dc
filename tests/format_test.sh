#!/usr/bin/env bash
# Every C++ file has the form that .clang-format says, by the one version of clang-format (14) that CI
# uses: others differ in details. Argument: the source folder. Exit 77: skipped.
set -euo pipefail
cd "$1"
wanted=14
tool=
for candidate in "clang-format-$wanted" clang-format; do
  if [[ $("$candidate" --version 2>/dev/null) == *"version $wanted."* ]]; then
    tool=$candidate
    break
  fi
done
if [[ -z $tool ]]; then
  echo "SKIPPED: no clang-format $wanted here (Debian and Ubuntu: clang-format-$wanted; or pip install clang-format==$wanted.0.6)"
  exit 77
fi
# Tracked files, or where there is no git (a release archive) all outside build folders.
if git -c safe.directory="$PWD" rev-parse --git-dir >/dev/null 2>&1; then
  mapfile -t files < <(git -c safe.directory="$PWD" ls-files '*.cpp' '*.hpp')
else
  mapfile -t files < <(find . -path './build*' -prune -o -name '.?*' -prune -o \( -name '*.cpp' -o -name '*.hpp' \) -print)
fi
((${#files[@]})) || { echo "no C++ files under $PWD"; exit 1; }
if ! "$tool" --dry-run -Werror "${files[@]}"; then
  echo "to repair: $tool -i FILES"
  exit 1
fi
echo "${#files[@]} files are formatted"
