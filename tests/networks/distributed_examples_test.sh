#!/usr/bin/env bash
# The examples of ChainerMN's own, on two ranks and made small: they run to their end and learn what they can in it.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
build=${RENSA_BUILD_DIR:?"the build folder; ctest sets it"}
export OMP_NUM_THREADS=1
cd "$work"
two() { mpirun -n 2 --oversubscribe --bind-to none "$@" >"$work/log" 2>&1 </dev/null || fail "failed: $*"; }

two "$build/example_seq2seq" 3
[ "$(grep -c '^right ' "$work/log")" -eq 1 ] || fail "seq2seq: one rank should judge"

"$rensa" data pictures --out "$work/pictures" --classes 3 --train-per-class 16 --val-per-class 4 --max-size 100 >/dev/null
two "$build/example_imagenet" "$work/pictures" resnet18 2 32 8
[ "$(sed -n 's/.*"epoch": *\([0-9]*\).*/\1/p' result/imagenet/log | tail -n 1)" = 2 ] || fail "imagenet: no second epoch in the log"

"$rensa" data pictures --out "$work/small" --classes 3 --train-per-class 8 --val-per-class 4 --min-size 32 --max-size 32 >/dev/null
mv "$work/small/val" "$work/small/test"
"$rensa" data cifar --in "$work/small" --out "$work/cifar" >/dev/null
two "$build/example_cifar" "$work/cifar" 6 4
grep -q '"validation/main/accuracy"' result/cifar/log || fail "cifar: nothing was judged"
[ "$(value iteration result/cifar/log)" -ge 2 ] || fail "cifar: expected two steps or more"

data=${RENSA_DATA:-}/fashion-mnist
[ -d "$data" ] || { echo "skipped: dcgan, for want of $data; the rest passed"; exit 77; }
two "$build/example_dcgan" "$data" 4 4
[ "$(grep -c '^distance ' "$work/log")" -eq 1 ] || fail "dcgan: one rank should judge"
