#!/usr/bin/env bash
# Configurations drawn at random, the same ones each time: each is refused with a message, or trains, and goes on from its
# first snapshot as if it had not stopped.  usage: random_configurations_test.sh [FIRST [COUNT]]
set -euo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
first=${1:-1} count=${2:-80}

"$rensa" data pictures --out "$work/pictures" --classes 3 --train-per-class 7 --val-per-class 3 --max-size 100 >/dev/null
chance() { [ $((RANDOM % 100)) -lt "$1" ]; }
one_of() {  # VALUE…: sets REPLY; not by way of a subshell, which has random numbers of its own
  local values=("$@")
  REPLY=${values[RANDOM % $#]}
}
maybe() {  # PERCENT KEY VALUE…
  chance "$1" || return 0
  one_of "${@:3}"
  configuration+=("--$2" "$REPLY")
}
draw() {  # sets ranks and configuration
  one_of 1 2 2 3
  ranks=$REPLY
  one_of mlp vgg_cifar cifar_resnet18 resnet18 mobilenet_v2 nin vit_s_16
  local arch=$REPLY
  configuration=(--arch "$arch" --lr 0.001)
  case "$arch" in
    nin | resnet18 | mobilenet_v2) configuration+=(--size 64 --resize 64) ;;
    *) configuration+=(--size 32 --resize 32) ;;
  esac
  case "$arch" in
    mlp) configuration+=(--units 20) ;;
    *cifar* | resnet18) configuration+=(--width 8) ;;
  esac
  maybe 60 dtype bfloat16 mixed16 float64
  maybe 70 optimizer sgd corrected_momentum_sgd nesterov_ag adagrad adam adamw radam lamb lars corrected_lars lion adafactor rmsprop_warmup
  maybe 30 zero 1 2
  maybe 15 carry_over true
  maybe 15 double_buffering true
  maybe 20 accumulate 2
  maybe 20 mnbn true
  maybe 15 reproducible 2 4
  maybe 20 allreduce_grad_dtype float16 bfloat16 float32 float64
  maybe 50 communicator flat hierarchical two_dimensional single_node naive non_cuda_aware
  maybe 15 clip_norm 0.5
  maybe 20 label_smoothing 0.1
  maybe 40 schedule cosine polynomial slow_start
  maybe 30 warmup_epochs 0.5 1
  maybe 20 bn_reestimate 2
  maybe 15 mixup 0.2
  maybe 15 cutmix 1
  maybe 15 rand_augment 2
  maybe 15 colour_jitter 0.4,0.4,0.4,0.1
  maybe 40 loaderjob 0 1 3
  maybe 20 short_tail true
  maybe 20 cache_mib 5
  maybe 20 snapshot_in_background true
  maybe 10 freeze '*/W' '*/b'
  maybe 15 param_groups '*/W:0.5:1'
  maybe 10 loss_scale 128
  maybe 10 overlap false
  maybe 20 bucket_mib 0.01
  maybe 20 first_bucket_mib 0.001
  maybe 10 bn_decay 0
  maybe 15 decay_bias_and_norm false
  maybe 30 weight_decay 0.001
  maybe 15 patience 1
  maybe 10 stragglers '2 iteration'
  maybe 15 dropout 0.1
  maybe 20 log_interval '1 iteration'
}
status_of() {  # of a run with the configuration drawn
  local status=0
  mpirun -n "$ranks" --oversubscribe --bind-to none "$rensa" train --data "$work/pictures" --threads 1 --batchsize 4 \
    --val_batchsize 3 --epoch 2 --keep 0 --progress false "${configuration[@]}" "$@" >"$work/log" 2>&1 </dev/null || status=$?
  echo $status
}

trained=0 refused=0
for ((number = first; number < first + count; ++number)); do
  RANDOM=$number
  draw
  rm -rf "$work/whole" "$work/parts"
  case $(status_of --out "$work/whole") in
    0) ;;
    2)
      grep -q '^rensa train: ' "$work/log" || fail "configuration $number was refused without a message: ${configuration[*]}"
      refused=$((refused + 1))
      continue
      ;;
    *) fail "configuration $number failed on $ranks ranks: ${configuration[*]}" ;;
  esac
  early=$(find "$work/whole" -name 'snapshot_iter_*' | sort -V | head -n 1)
  [ "$(status_of --out "$work/parts" --resume "$early")" -eq 0 ] ||
    fail "configuration $number did not go on on $ranks ranks: ${configuration[*]}"
  same_losses "$work/whole" "$work/parts" "configuration $number on $ranks ranks: ${configuration[*]}"
  trained=$((trained + 1))
done
echo "$trained configurations trained and went on to the same losses, $refused were refused with a message"
[ "$trained" -gt 0 ] && [ "$refused" -gt 0 ]
