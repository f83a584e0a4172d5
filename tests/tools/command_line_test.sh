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

# What cannot be printed is a failure.
status=0
"$rensa" inspect model --arch resnet18 >/dev/full 2>"$work/output" || status=$?
[ "$status" -eq 1 ] && grep -q 'standard output' "$work/output" || { echo "a full disk: status $status" >&2; exit 1; }

# Every help reads well at 80 columns.
export LC_ALL=C.UTF-8
for command in "" train evaluate predict bench "bench ops" "bench convolution" "bench gpu" "bench step" "bench overlap" \
  "bench reproducible" "bench input" "bench comm" data "data pictures" "data cifar" "data pack" inspect "inspect model" export doctor; do
  # shellcheck disable=SC2086  # several words
  expect 0 "usage: " "$rensa" $command --help
  while IFS= read -r line; do
    line=${line%"${line##*[! ]}"}
    [ ${#line} -le 80 ] || { echo "rensa $command --help: a line of ${#line} columns: $line" >&2; exit 1; }
  done <"$work/output"
done

"$rensa" inspect model --arch resnet18 >"$work/table"
grep -Eq '^layer4/1/conv2 +convolution_2d +\(1, 512, 7, 7\) +2359296 +115605504$' "$work/table" || { cat "$work/table" >&2; exit 1; }
tail -n 1 "$work/table" | grep -Eq '^ +11689512 +1814073344$' || { tail -n 1 "$work/table" >&2; exit 1; }
expect 2 'is not one of' "$rensa" inspect model --arch resnet19
expect 2 'there is no "modle"' "$rensa" inspect modle
expect 1 'there is no such file' "$rensa" inspect snapshot "$work/none"

touch "$work/file"
expect 1 "$work/file" "$rensa" data pictures --out "$work/file" --train-per-class 1 --val-per-class 1 --classes 2
expect 0 "2 classes" "$rensa" data pictures --out "$work/pictures" --train-per-class 1 --val-per-class 1 --classes 2
[ "$(find "$work/pictures/train" -name '*.jpg' | wc -l)" -eq 2 ]
