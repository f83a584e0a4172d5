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


# ImageNet's form trains and packs like class folders: those to train on, to judge by one flat folder and a list.
mkdir -p "$work/mixed/val"
cp -r "$work/pictures/train" "$work/mixed/train"
label=0
for class in "$work/pictures/val"/*; do
  for file in "$class"/*.jpg; do
    cp "$file" "$work/mixed/val/${class##*/}_${file##*/}"
    echo "val/${class##*/}_${file##*/} $label"
  done
  label=$((label + 1))
done >"$work/mixed/val.txt"
run --data "$work/mixed" --out "$work/from_mixed" --epoch 1
same_losses "$work/once" "$work/from_mixed" "class folders and a list"
"$rensa" data pack --in "$work/mixed" --out "$work/mixed_shards" >"$work/log" 2>&1 || fail "a folder with a list cannot be packed"
run --data "$work/mixed_shards" --out "$work/from_mixed_shards" --epoch 1
same_losses "$work/sharded" "$work/from_mixed_shards" "shards of class folders and a list"

# An early end is saved, whatever the interval of snapshots: resumed, it makes no further step and writes no further entry.
early=(--out "$work/early" --epoch 30 --lr 0.000001 --patience 1 --snapshot "5 epochs")
run --data "$work/pictures" "${early[@]}"
grep -q 'early stopping: validation/main/accuracy' "$work/log" || fail "it did not stop early"
last=$(value iteration "$work/early/log")
[ -f "$work/early/snapshot_iter_$last" ] || fail "the early end at iteration $last has no snapshot: $(ls "$work/early")"
cp "$work/early/log" "$work/early_log"
run --data "$work/pictures" "${early[@]}" --resume "$work/early"
grep -q "goes on from .*snapshot_iter_$last at iteration $last" "$work/log" || fail "it did not go on from its end"
cmp "$work/early_log" "$work/early/log" || fail "a run that had ended made further steps"

# So is an end between two snapshots, and it is the network that was trained to the end.
run --data "$work/pictures" --out "$work/between" --epoch 3 --snapshot "2 epochs"
[ -f "$work/between/snapshot_iter_$(value iteration "$work/between/log")" ] || fail "the end has no snapshot: $(ls "$work/between")"
"$rensa" evaluate "${network[@]}" --snapshot_file "$work/between" --json "$work/evaluation" >"$work/log" 2>&1 </dev/null ||
  fail "the run that ended between two snapshots cannot be evaluated"
awk -v a="$(value top1 "$work/evaluation")" -v b="$(value validation/main/accuracy "$work/between/log")" \
  'BEGIN { exit !(a - b < 1e-9 && b - a < 1e-9) }' || fail "another network was saved than the log's last entry is of"
run --data "$work/pictures" --out "$work/none" --epoch 1 --snapshot never
if compgen -G "$work/none/snapshot_iter_*" >/dev/null; then fail "snapshot = never left one"; fi

# A folder that has no whole snapshot but others says which, behind damaged ones and those of replica sets too.
mkdir "$work/best"
cp "$work/between/snapshot_iter_$(value iteration "$work/between/log")" "$work/best/best_iter_9"
for damaged in 1 2 3 4 5; do echo half >"$work/best/snapshot_iter_$damaged"; done
touch "$work/best/snapshot_iter_6.1" "$work/best/top_iter_9"
if "$rensa" evaluate "${network[@]}" --snapshot_file "$work/best" >"$work/log" 2>&1 </dev/null; then fail "best_iter_9 was taken"; fi
grep -q 'Of other names there are: best_iter_9, snapshot_iter_6\.1, top_iter_9\. To take one' "$work/log" ||
  fail "the other snapshots were not named: $(tail -n 1 "$work/log")"

# A file of weights is listed, and no run goes on from it.
"$rensa" export --arch resnet18 --width 8 --classes 3 --input 3x32x32 --snapshot_file "$work/between" \
  --weights "$work/weights.safetensors" >"$work/log" 2>&1 || fail "export failed"
"$rensa" inspect snapshot "$work/weights.safetensors" >"$work/log" 2>&1 || fail "a sound file of weights is not listed"
grep -q '^fc.weight  float32 (3, 64)$' "$work/log" || fail "fc.weight is not listed"
if "${train[@]}" --data "$work/pictures" --resume "$work/weights.safetensors" >"$work/log" 2>&1 </dev/null; then
  fail "weights were gone on from"
fi
grep -q -- '--initmodel' "$work/log" || fail "--initmodel was not named"

if "${train[@]}" --data "$work/pictures" --reports tensorbord >"$work/log" 2>&1 </dev/null; then fail "a wrong report passed"; fi
grep -q '"tensorbord" is unknown' "$work/log" || fail "the wrong report was not named"
