#!/usr/bin/env bash
# Every dtype from the command line on two ranks: it learns, goes on from a snapshot digit for digit, and is evaluated.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
# shellcheck source=tests/support/small_idx.sh
source "$(dirname "$0")/../support/small_idx.sh"

small_idx_folder "$work/data" 60 30
same=(--data "$work/data" --arch mlp --units 32 --threads 1)
train=(mpirun -n 2 --oversubscribe --bind-to none "$rensa" train "${same[@]}" --batchsize 5 --optimizer adam --lr 0.01 --seed 2
  --progress false)

for dtype in float32 float64 bfloat16 mixed16; do
  run() { "$@" >"$work/log" 2>&1 </dev/null || fail "$dtype: failed: ${*:1:9} …"; }
  out=$work/$dtype
  run "${train[@]}" --dtype $dtype --epoch 20 --out "$out"
  run "${train[@]}" --dtype $dtype --epoch 10 --out "$out.half"
  run "${train[@]}" --dtype $dtype --epoch 20 --out "$out.rest" --resume "$out.half"
  same_losses "$out" "$out.rest" "$dtype"
  [ "$(value validation/main/accuracy "$out/log")" = 1.0 ] || fail "$dtype: accuracy $(value validation/main/accuracy "$out/log")"
  run "$rensa" evaluate "${same[@]}" --dtype $dtype --snapshot_file "$out"
  run "$rensa" export --arch mlp --units 32 --input 16 --classes 3 --snapshot_file "$out" --weights "$out.safetensors"
done

# The dtype is not a name only: each computes with other numbers.
losses=$(for dtype in float32 float64 bfloat16 mixed16; do value main/loss "$work/$dtype/log"; done)
[ "$(sort -u <<<"$losses" | wc -l)" -eq 4 ] || fail "some dtypes gave the same loss: $losses"
