#!/usr/bin/env bash
# Every benchmark runs, prints JSON when asked, and refuses what does not fit. How fast it is is nobody's business here.
set -uo pipefail
rensa=${RENSA_EXECUTABLE:?}
failures=0

prints() {  # LINES KEY BENCHMARK...: status 0 and so many lines of JSON with that key
  local lines=$1 key=$2 output
  shift 2
  output=$("$rensa" bench "$@" --json) && [ "$(grep -c "^{.*\"$key\":[0-9.e+-]*" <<<"$output")" -eq "$lines" ] ||
    { echo "rensa bench $*: expected $lines lines with $key, found: $output"; failures=$((failures + 1)); }
}
refuses() {  # STATUS TEXT BENCHMARK...
  local wanted=$1 text=$2 output status
  shift 2
  output=$("$rensa" bench "$@" 2>&1)
  status=$?
  [ $status -eq "$wanted" ] && grep -qF -- "$text" <<<"$output" ||
    { echo "rensa bench $*: expected status $wanted and \"$text\", found $status: $output"; failures=$((failures + 1)); }
}

prints 3 us_per_op ops --length 20 --repeats 2
prints 3 gflop_per_second convolution --batch 1 --in 8 --out 8 --size 12 --stride 2 --dilate 2 --groups 2 --threads 1 --repeats 1
prints 1 images_per_second step --model mlp --batch 4 --steps 1 --warmup 0 --threads 1
prints 1 peak_rss_bytes step --model resnet18 --batch 2 --image-size 32 --classes 3 --steps 1 --warmup 0 --threads 1
pictures=$(mktemp -d)
trap 'rm -rf "$pictures"' EXIT
"$rensa" data pictures --out "$pictures" --classes 2 --train-per-class 3 --val-per-class 1 >/dev/null || failures=$((failures + 1))
prints 3 images_per_second input --data "$pictures" --size 64 --repeats 2

refuses 2 'usage: rensa bench'
refuses 2 'there is no "stepp"' stepp
refuses 2 'is not one of: ' step --model resnet19
refuses 2 'did you mean "repeats"?' ops --repeat 3
refuses 1 'there is no such folder' input --data /nowhere
refuses 1 'does not fit' convolution --kernel 9 --size 2 --pad 0
refuses 2 'does not divide' convolution --in 8 --groups 3
exit $((failures > 0))
