#!/usr/bin/env bash
# Ranks whose folders hold other pictures do not train: the one that is unlike rank 0 is named.
set -uo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"

"$rensa" data pictures --out "$work/data.0" --classes 2 --train-per-class 8 --val-per-class 4 --max-size 160 >/dev/null || exit 1
cp -r "$work/data.0" "$work/data.1"
train=("$rensa" train --arch resnet18 --width 8 --size 32 --resize 40 --batchsize 4 --epoch 1 --progress false --threads 1
  --out "$work/out")

# train_apart: each rank finds its pictures in a folder of its own. One command starts them: Debian 13's mpirun (Open MPI 5.0.7)
# ends with a segmentation fault where it is given two (`mpirun ... : ...`).
train_apart() {
  # shellcheck disable=SC2016  # the rank's shell expands it
  timeout 60 mpirun --oversubscribe --bind-to none -n 2 sh -c 'data=$1.$OMPI_COMM_WORLD_RANK; shift; exec "$@" --data "$data"' \
    sh "$work/data" "${train[@]}" >"$work/log" 2>&1 </dev/null
}

train_apart || fail "the same pictures in two places were refused:"

victim=$(find "$work/data.1/val" -name "*.jpg" | sort | head -n 1)
rm "$victim"
train_apart && fail "a rank without a picture trained"
grep -F 'rank 1 of 2 on ' "$work/log" | grep -qF 'has 7 validation pictures' || fail "the rank is not named:"

cp "$work/data.0/${victim#"$work"/data.1/}" "${victim%.jpg}_renamed.jpg"
train_apart && fail "a rank with another picture trained"
grep -qF 'has other validation pictures than rank 0 of 2' "$work/log" || fail "the difference is not told:"
