#!/usr/bin/env bash
# The command's own manners: status 0 for help and version, 2 for what it does not know, 1 for what fails.
set -euo pipefail
rensa=${RENSA_EXECUTABLE:?"the command to test; ctest sets it"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect() {  # STATUS TEXT COMMAND...: the command ends with STATUS and its output has TEXT in it
  local wanted=$1 text=$2 status=0
  shift 2
  "$@" >"$work/output" 2>&1 || status=$?
  if [ "$status" -ne "$wanted" ] || ! grep -qF -- "$text" "$work/output"; then
    echo "$*: status $status, expected $wanted; expected in its output: $text; found:" >&2
    cat "$work/output" >&2
    exit 1
  fi
}

expect 0 "usage: rensa" "$rensa" --help
expect 0 "rensa 0.1" "$rensa" --version
expect 2 "usage: rensa" "$rensa"
expect 2 'no command "tarin"' "$rensa" tarin
expect 2 "--out" "$rensa" data pictures
expect 2 "sed" "$rensa" data pictures --out "$work/x" --sed 3
touch "$work/file"
expect 1 "$work/file" "$rensa" data pictures --out "$work/file" --train-per-class 1 --val-per-class 1 --classes 2
expect 0 "2 classes" "$rensa" data pictures --out "$work/pictures" --train-per-class 1 --val-per-class 1 --classes 2
[ "$(find "$work/pictures/train" -name '*.jpg' | wc -l)" -eq 2 ]
