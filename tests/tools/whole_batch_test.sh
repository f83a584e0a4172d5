#!/usr/bin/env bash
# mnbn and short_tail: a network with batch normalization learns on 1, 2 and 3 ranks what one process learns from the whole batch.
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"

"$rensa" data pictures --out "$work/pictures" --classes 2 --train-per-class 14 --val-per-class 5 --max-size 120 >/dev/null
for ranks in 1 2 3; do  # 28 pictures in steps of 12: the third has 4
  mpirun -n $ranks --oversubscribe --bind-to none "$rensa" train --data "$work/pictures" --arch resnet18 --width 4 --size 32 \
    --resize 40 --dtype float64 --batchsize $((12 / ranks)) --epoch 3 --lr 0.01 --seed 2 --threads 1 --progress false \
    --snapshot never --mnbn true --short_tail true --out "$work/$ranks" >"$work/log" 2>&1 </dev/null || fail "$ranks ranks failed"
done
[ "$(value iteration "$work/1/log")" = 9 ] || fail "expected 9 steps of 12, 12 and 4"
for ranks in 2 3; do
  for key in main/loss main/accuracy validation/main/loss; do
    a=$(value $key "$work/1/log") b=$(value $key "$work/$ranks/log")
    awk -v a="$a" -v b="$b" 'BEGIN { d = (a - b) / (a * a + 1e-9) ^ 0.5; exit !(d < 1e-8 && d > -1e-8) }' || fail "$key: $a on 1 rank, $b on $ranks"
  done
done
echo "1, 2 and 3 ranks: loss $(value main/loss "$work/1/log")"
