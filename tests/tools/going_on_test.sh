#!/usr/bin/env bash
# Snapshots written in the background, --resume auto past a damaged one, pictures from shards and from lists, the log in other
# forms, an early end.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"

"$rensa" data pictures --out "$work/pictures" --classes 3 --train-per-class 20 --val-per-class 5 --max-size 100 >/dev/null
"$rensa" data pack --in "$work/pictures" --out "$work/shards" >/dev/null
mkdir "$work/lists"
for part in train val; do
  label=0
  for class in "$work/pictures/$part"/*; do
    for file in "$class"/*.jpg; do echo "$file $label"; done
    label=$((label + 1))
  done >"$work/lists/$part.txt"
done
train=(mpirun -n 2 --oversubscribe --bind-to none "$rensa" train --arch resnet18 --width 8 --size 32 --resize 40 --threads 1
  --seed 5 --batchsize 10 --lr 0.02 --progress false)
run() { "${train[@]}" "$@" >"$work/log" 2>&1 </dev/null || fail "failed: $*"; }

run --data "$work/pictures" --out "$work/whole" --epoch 4 --snapshot_in_background --keep 3 --reports json_lines,tensorboard,prometheus,plot
[ "$(grep -c '"main/loss"' "$work/whole/log.jsonl")" -eq 4 ] || fail "log.jsonl should have 4 lines"
grep -q '^rensa_observed{run="whole",name="validation/main/accuracy"} ' "$work/whole/metrics.prom" || fail "metrics.prom"
grep -q '<svg xmlns' "$work/whole/loss.svg" || fail "loss.svg"
ls "$work/whole/tensorboard/"events.out.tfevents.* >/dev/null || fail "no TensorBoard file"
[ "$(ls "$work/whole" | grep -c snapshot_iter_)" -eq 3 ] || fail "3 snapshots should be kept"

# auto: from the beginning, then from the newest that is whole.
run --data "$work/pictures" --out "$work/auto" --epoch 2 --resume auto
grep -q 'has no snapshot: the run starts from the beginning' "$work/log" || fail "the first start was not said"
printf 'x' | dd of="$work/auto/snapshot_iter_6" bs=1 seek=100 conv=notrunc status=none
run --data "$work/pictures" --out "$work/auto" --epoch 4 --resume auto
grep -q 'snapshot_iter_6.*was changed' "$work/log" || fail "the damaged snapshot was not named"
grep -q 'goes on from .*snapshot_iter_3 at iteration 3' "$work/log" || fail "it did not go on from the one before"
for key in main/loss validation/main/loss; do
  [ "$(value $key "$work/whole/log")" = "$(value $key "$work/auto/log")" ] || fail "$key differs after resuming"
done

# A list in the folder's order is the same data set; shards lie in another order.
run --data "$work/lists" --out "$work/listed" --epoch 1 --cache_mib 10
run --data "$work/pictures" --out "$work/once" --epoch 1
[ "$(value main/loss "$work/listed/log")" = "$(value main/loss "$work/once/log")" ] || fail "the list gives another loss"
run --data "$work/shards" --out "$work/sharded" --epoch 1
grep -q '60 + 15 photographs, 3 classes' "$work/log" || fail "the shards hold other pictures"

run --data "$work/pictures" --out "$work/early" --epoch 30 --lr 0.000001 --patience 2 --monitor validation/main/accuracy
grep -q 'early stopping: validation/main/accuracy' "$work/log" || fail "it did not stop early"
if "${train[@]}" --data "$work/pictures" --reports tensorbord >"$work/log" 2>&1 </dev/null; then fail "a wrong report passed"; fi
grep -q '"tensorbord" is unknown' "$work/log" || fail "the wrong report was not named"
