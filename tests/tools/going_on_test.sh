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
same_losses "$work/whole" "$work/auto" "--resume auto"

# Whoever is given a folder passes over a newest snapshot that is cut short, and says so.
cp -a "$work/whole" "$work/cut"
newest=$(ls -v "$work"/whole/snapshot_iter_* | tail -n 1)
head -c 900 "$newest" >"$work/cut/${newest##*/}"
network=(--data "$work/pictures" --arch resnet18 --width 8 --size 32 --resize 40 --threads 1)
passed_over() {  # COMMAND...: it succeeds and names the damaged one
  "$@" >"$work/log" 2>&1 </dev/null || fail "failed: ${*:1:9} …"
  [ "$(grep -c "${newest##*/}: is not a whole" "$work/log")" -eq 1 ] || fail "the damaged snapshot is not named once: ${*:1:9} …"
}
passed_over "${train[@]}" --data "$work/pictures" --out "$work/started" --epoch 1 --initmodel "$work/cut"
passed_over mpirun -n 2 --oversubscribe --bind-to none "$rensa" evaluate "${network[@]}" --snapshot_file "$work/cut"
passed_over "$rensa" predict "${network[@]}" --snapshot_file "$work/cut" "$work/pictures/val"
passed_over "$rensa" inspect snapshot "$work/cut"
passed_over "$rensa" export --arch resnet18 --width 8 --classes 3 --input 3x32x32 --snapshot_file "$work/cut" --weights "$work/cut.npz"

# Augmentations, mixed pairs and steps of two batches go on exactly, too.
strong=(--rand_augment 2 --colour_jitter 0.4,0.4,0.4,0.1 --mixup 0.2 --cutmix 1 --accumulate 2 --batchsize 6 --snapshot "3 iteration")
run --data "$work/pictures" --out "$work/strong" --epoch 4 "${strong[@]}"
grep -q '"iteration": 10' "$work/strong/log" || fail "4 epochs of 60 pictures in steps of 24 are 10 steps"
run --data "$work/pictures" --out "$work/parts" --epoch 2 "${strong[@]}"
run --data "$work/pictures" --out "$work/parts" --epoch 4 "${strong[@]}" --resume auto
[ "$(value main/loss "$work/strong/log")" = "$(value main/loss "$work/parts/log")" ] || fail "strong augmentation differs after resuming"

# So do the keys of large batches, and statistics that are estimated anew.
large=(--recipe akiba --rmsprop_centre 2 --rmsprop_period 2 --zero_last_gamma --bn_reestimate 2 --dump_graph)
run --data "$work/pictures" --out "$work/large" --epoch 4 "${large[@]}" --keep 0
grep -q '^digraph' "$work/large/cg.dot" || fail "no graph of the loss"
run --data "$work/pictures" --out "$work/larger" --epoch 4 "${large[@]}" --resume "$work/large/snapshot_iter_6"
same_losses "$work/large" "$work/larger" "recipe = akiba"

# A list in the folder's order is the same data set; shards lie in another order.
run --data "$work/lists" --out "$work/listed" --epoch 1 --cache_mib 10
run --data "$work/pictures" --out "$work/once" --epoch 1
[ "$(value main/loss "$work/listed/log")" = "$(value main/loss "$work/once/log")" ] || fail "the list gives another loss"
run --data "$work/pictures" --out "$work/cached" --epoch 1 --cache_mib 10 --cache_shared
[ "$(value main/loss "$work/cached/log")" = "$(value main/loss "$work/once/log")" ] || fail "a shared cache gives another loss"
run --data "$work/pictures" --out "$work/decoded" --epoch 2 --cache_mib 10 --cache_shared --cache_decoded
run --data "$work/shards" --out "$work/sharded" --epoch 1
grep -q '60 + 15 photographs, 3 classes' "$work/log" || fail "the shards hold other pictures"

run --data "$work/pictures" --out "$work/early" --epoch 30 --lr 0.000001 --patience 2 --monitor validation/main/accuracy
grep -q 'early stopping: validation/main/accuracy' "$work/log" || fail "it did not stop early"
if "${train[@]}" --data "$work/pictures" --reports tensorbord >"$work/log" 2>&1 </dev/null; then fail "a wrong report passed"; fi
grep -q '"tensorbord" is unknown' "$work/log" || fail "the wrong report was not named"
