#!/usr/bin/env bash
# From pictures to answers: train on two ranks, go on, evaluate, predict, start another network from the weights.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"

"$rensa" data pictures --out "$work/pictures" --classes 3 --train-per-class 40 --val-per-class 11 --max-size 160 >/dev/null
network=(--data "$work/pictures" --arch resnet18 --width 8 --size 32 --resize 40 --threads 1 --seed 5 --label_smoothing 0.1)
train=(mpirun -n 2 --oversubscribe --bind-to none "$rensa" train "${network[@]}" --batchsize 10 --lr 0.05 --progress false)

"${train[@]}" --epoch 4 --out "$work/whole" >"$work/log" 2>&1 </dev/null || fail "training failed"
[ -s "$work/whole/report.html" ] || fail "there is no report"
[ "$(grep -c '"epoch"' "$work/whole/log")" -eq 4 ] || fail "the log should have 4 entries"

# Half of it, then on: the same numbers, digit for digit.
"${train[@]}" --epoch 2 --out "$work/half" >"$work/log" 2>&1 </dev/null || fail "the first half failed"
"${train[@]}" --epoch 4 --out "$work/rest" --resume "$work/half" >"$work/log" 2>&1 </dev/null || fail "resuming failed"
same_losses "$work/whole" "$work/rest" "in halves"

# 33 validation pictures on one rank, two and three: each counted once.
accuracy=$(value validation/main/accuracy "$work/whole/log") loss=$(value validation/main/loss "$work/whole/log")
for ranks in 1 2 3; do
  mpirun -n $ranks --oversubscribe --bind-to none "$rensa" evaluate "${network[@]}" --snapshot_file "$work/whole" --val_batchsize 4 \
    --json "$work/evaluation" >"$work/log" 2>&1 </dev/null || fail "evaluation on $ranks ranks failed"
  grep -q 'samples 33,' "$work/log" || fail "$ranks ranks did not count 33 pictures"
  awk -v a="$(value top1 "$work/evaluation")" -v b="$accuracy" 'BEGIN { exit !(a - b < 1e-9 && b - a < 1e-9) }' ||
    fail "$ranks ranks found another accuracy than the training's $accuracy"
  awk -v a="$(value loss "$work/evaluation")" -v b="$loss" 'BEGIN { exit !(a - b < 1e-5 && b - a < 1e-5) }' ||
    fail "$ranks ranks found another loss than the training's $loss"
done

"$rensa" predict "${network[@]}" --snapshot_file "$work/whole" "$work/pictures/val" >"$work/log" 2>&1 || fail "predict failed"
[ "$(grep -c '"probability"' "$work/log")" -eq 33 ] || fail "expected 33 answers"
echo "not a picture" >"$work/bad.jpg"
if "$rensa" predict "${network[@]}" --snapshot_file "$work/whole" "$work/bad.jpg" >"$work/log" 2>&1; then fail "a bad picture gave status 0"; fi
grep -q '"error"' "$work/log" || fail "a bad picture has no error"

# A name in Latin-1 is shown as far as it is UTF-8.
latin=$work/$(printf 'caf\xe9.jpg')
cp "$(find "$work/pictures/val" -name '*.jpg' | head -n 1)" "$latin"
"$rensa" predict "${network[@]}" --snapshot_file "$work/whole" "$latin" >"$work/log" 2>&1 || fail "a name that is not UTF-8 failed"
grep -q '^{"file":".*caf.*jpg","class":.*}$' "$work/log" || fail "a name that is not UTF-8 has no answer"

# Another network, from these weights: what does not fit is listed. The run is too short for its trace, and says so once.
"${train[@]}" --epoch 1 --out "$work/other" --initmodel "$work/whole/$(ls "$work/whole" | grep snapshot | tail -n 1)" --arch resnet34 \
  --freeze 'predictor/conv1/*' --trace "$work/trace.json" >"$work/log" 2>&1 </dev/null || fail "initmodel failed"
grep -q 'predictor/layer1/2/conv1/W: not in the file' "$work/log" || fail "what was not matched is not listed"
[ "$(grep -c 'trace: the run ended at step 6, before trace_first = 10; no file was written' "$work/log")" -eq 1 ] ||
  fail "a trace that was not written is not told of once"

# Broken validation pictures are named, counted over the ranks, and left out: nothing is judged twice.
broken=$(find "$work/pictures/val" -name '000[35].jpg' | sort)
for file in $broken; do echo "not a picture" >"$file"; done
mpirun -n 2 --oversubscribe --bind-to none "$rensa" evaluate "${network[@]}" --snapshot_file "$work/whole" \
  --json "$work/evaluation" >"$work/log" 2>&1 </dev/null || fail "evaluation of broken pictures failed"
for file in $broken; do
  grep -q "$file: .*it is left out" "$work/log" || fail "$file is not named"
done
[ "$(value left_out "$work/evaluation")" = 6 ] || fail "expected 6 pictures to be left out"
[ "$(value samples "$work/evaluation")" = 27 ] || fail "expected 27 pictures to be judged"
