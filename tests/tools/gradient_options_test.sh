#!/usr/bin/env bash
# Every way for gradients to travel, from the command line on two ranks: it trains, and goes on from a snapshot digit for digit.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
# shellcheck source=tests/support/small_idx.sh
source "$(dirname "$0")/../support/small_idx.sh"

small_idx_folder "$work/data" 60 30
train=(mpirun -n 2 --oversubscribe --bind-to none "$rensa" train --data "$work/data" --arch mlp --units 32 --batchsize 5
  --threads 1 --optimizer adam --lr 0.01 --seed 2 --progress false --bucket_mib 0.002 --first_bucket_mib 0.001)

number=0
for options in "--zero_fill false" "--allreduce_grad_dtype bfloat16" "--double_buffering" "--carry_over" "--zero 1 --clip_norm 1" \
  "--zero 2" "--accumulate 2"; do
  number=$((number + 1))
  # shellcheck disable=SC2086  # several words
  run() { "${train[@]}" $options "$@" >"$work/log" 2>&1 </dev/null || fail "$options: $* failed"; }
  run --epoch 10 --out "$work/whole$number"
  grep -q 'each rank sent [1-9][0-9]* bytes' "$work/log" || fail "$options: no bytes were counted"
  run --epoch 5 --out "$work/half$number"
  run --epoch 10 --out "$work/rest$number" --resume "$work/half$number"
  same_losses "$work/whole$number" "$work/rest$number" "$options"
done

for compression in power_sgd:2 top_k:0.1 one_bit; do
  options="--compression $compression"
  run --epoch 10 --out "$work/${compression%:*}"
  awk -v a="$(value main/loss "$work/${compression%:*}/log")" 'BEGIN { exit !(a < 1.0) }' || fail "$compression did not learn"
done
