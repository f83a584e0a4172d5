#!/usr/bin/env bash
# Every dtype from the command line on two ranks: it learns, goes on from a snapshot digit for digit, and is evaluated and asked.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
# shellcheck source=tests/support/small_idx.sh
source "$(dirname "$0")/../support/small_idx.sh"

mkdir "$work/data"
idx "$work/data/train" 60
idx "$work/data/t10k" 30
same=(--data "$work/data" --arch mlp --units 32 --threads 1)
train=(mpirun -n 2 --oversubscribe --bind-to none "$rensa" train "${same[@]}" --batchsize 5 --optimizer adam --lr 0.01 --seed 2
  --progress false)

for dtype in float32 float64 bfloat16 mixed16; do
  run() { "$@" >"$work/log" 2>&1 </dev/null || fail "$dtype: failed: ${*:1:9} …"; }
  out=$work/$dtype
  run "${train[@]}" --dtype $dtype --epoch 20 --out "$out"
  run "${train[@]}" --dtype $dtype --epoch 10 --out "$out.half"
  run "${train[@]}" --dtype $dtype --epoch 20 --out "$out.rest" --resume "$out.half"
  for key in main/loss validation/main/loss; do
    [ "$(value $key "$out/log")" = "$(value $key "$out.rest/log")" ] || fail "$dtype: $key differs after resuming"
  done
  [ "$(value validation/main/accuracy "$out/log")" = 1.0 ] || fail "$dtype: accuracy $(value validation/main/accuracy "$out/log")"
  run "$rensa" evaluate "${same[@]}" --dtype $dtype --snapshot_file "$out"
done

# The dtype is not a name only: each computes with other numbers.
losses=$(for dtype in float32 float64 bfloat16 mixed16; do value main/loss "$work/$dtype/log"; done)
[ "$(sort -u <<<"$losses" | wc -l)" -eq 4 ] || fail "some dtypes gave the same loss: $losses"
