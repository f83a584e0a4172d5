#!/usr/bin/env bash
# What `rensa train` refuses: a clear message, a status other than 0, and never a hang.
set -uo pipefail
rensa=${RENSA_EXECUTABLE:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# refused STATUS TEXT COMMAND...: ends within 20 s with STATUS and says TEXT
refused() {
  local status=$1 text=$2 output found
  shift 2
  output=$(timeout -k 2 20 "$@" 2>&1 </dev/null)
  found=$?
  if [ "$found" -ne "$status" ] || ! grep -qF -- "$text" <<<"$output"; then
    echo "expected status $status and \"$text\", found status $found: $*"
    echo "$output" | tail -n 5
    failures=$((failures + 1))
  fi
}

# shellcheck source=tests/support/small_idx.sh
source "$(dirname "$0")/../support/small_idx.sh"
small_idx_folder "$work/data" 30 10
train=("$rensa" train --data "$work/data" --arch mlp --units 4 --batchsize 10 --epoch 2 --progress false --out "$work/out")

timeout 20 "${train[@]}" >"$work/log" 2>&1 || { echo "a good run failed:"; tail -n 5 "$work/log"; exit 1; }

refused 2 'unknown key "leaning_rate"' "${train[@]}" --leaning_rate 1
refused 2 'did you mean "epoch"?' "${train[@]}" --epohc 1
refused 2 'epoch: -1 is out of range, expected above 0' "${train[@]}" --epoch -1
refused 2 'is not a whole number' "${train[@]}" --batchsize many
refused 2 'is not one of: ' "${train[@]}" --arch resnet19
refused 2 'mixup: inf is out of range' "${train[@]}" --mixup inf
refused 2 'reports: "plot" is there twice' "${train[@]}" --reports plot,json_lines,plot
refused 2 'cutmix: nan is out of range' "${train[@]}" --cutmix nan
refused 2 'lr: inf is out of range' "${train[@]}" --lr inf
refused 2 'weight_decay: inf is out of range' "${train[@]}" --weight_decay inf
refused 2 'loss_scale: inf is out of range' "${train[@]}" --loss_scale inf
refused 2 'final_lr: inf is out of range' "${train[@]}" --schedule cosine --final_lr inf
refused 2 'bn_eps: inf is out of range' "${train[@]}" --bn_eps inf
refused 2 'milestones: nan is out of range' "${train[@]}" --schedule step --milestones nan
refused 2 'milestones: -1 is out of range, expected above 0' "${train[@]}" --schedule step --milestones=-1
refused 2 'two finite numbers of 0 or more' "${train[@]}" --param_groups 'predictor/l1/*:nan:1'
refused 2 'should be PATTERN:LR:DECAY' "${train[@]}" --param_groups 'predictor/l1/*'
refused 2 'monitor: "validation/accuracy" is not one of' "${train[@]}" --patience 5 --monitor validation/accuracy
refused 2 'is not an interval' "${train[@]}" --snapshot sometimes
printf '# a comment\nepoch = 1\nbatchsise = 3\n' >"$work/bad.cfg"
refused 2 "bad.cfg:3: unknown key \"batchsise\"; did you mean \"batchsize\"?" "${train[@]}" --config "$work/bad.cfg"
refused 2 'cannot be read' "${train[@]}" --config "$work/none.cfg"

refused 2 'zero and double_buffering exclude each other' "${train[@]}" --zero 1 --double_buffering
refused 2 'zero and compression exclude each other' "${train[@]}" --zero 2 --compression one_bit
refused 2 'compression and allreduce_grad_dtype exclude each other' "${train[@]}" --compression top_k:0.1 --allreduce_grad_dtype float16
refused 2 'pure_nccl carries gradients on GPUs' "${train[@]}" --communicator pure_nccl
refused 2 'expected none, power_sgd' "${train[@]}" --compression zip
refused 2 'carry_over learns that too late' "${train[@]}" --dtype mixed16 --carry_over
refused 2 'dtype = mixed16 and compression exclude each other' "${train[@]}" --dtype mixed16 --compression one_bit
refused 2 'dtype = bfloat16 and compression exclude each other' "${train[@]}" --dtype bfloat16 --compression top_k:0.1
refused 2 'adafactor needs whole parameters' "${train[@]}" --optimizer adafactor --zero 2
refused 2 'carry_over and clip_norm exclude each other' "${train[@]}" --carry_over --clip_norm 1
refused 2 'carry_over and zero_fill = false exclude each other' "${train[@]}" --carry_over --zero_fill false
refused 2 'is not one of: own, float16' "${train[@]}" --allreduce_grad_dtype int8
refused 2 'accumulate: 0 is out of range' "${train[@]}" --accumulate 0
refused 2 'rand_augment and colour_jitter change training pictures' "${train[@]}" --augment false --rand_augment 2
refused 2 'expected up to four' "${train[@]}" --colour_jitter 1,1,1,0.1,2
refused 2 'recipe = akiba sets schedule' "${train[@]}" --recipe akiba --schedule cosine
refused 2 'recipe = akiba sets schedule' "${train[@]}" --recipe akiba --schedule constant
printf 'recipe = akiba\nbn_decay = 0.9\n' >"$work/recipe.cfg"
refused 2 'recipe = akiba sets bn_decay' "${train[@]}" --config "$work/recipe.cfg"
refused 2 'cache_mib = 0 keeps none' "${train[@]}" --cache_shared
refused 2 'need a convolutional network' "${train[@]}" --arch mlp --cutmix 1
refused 2 'reproducible and bn_reestimate exclude each other' "${train[@]}" --reproducible 2 --bn_reestimate 2
refused 2 'needs an even batchsize and short_tail = false, found batchsize = 5:' "${train[@]}" --reproducible 2 --mixup 0.2 --batchsize 5
refused 2 'found batchsize = 10 and short_tail = true' "${train[@]}" --reproducible 2 --mixup 0.2 --short_tail
refused 2 'is a folder' "${train[@]}" --config "$work"
refused 2 'max_clock_skew: -1 is out of range' "$rensa" doctor --timeout inf --max_clock_skew -1

refused 1 'there is no such folder' "${train[@]}" --data "$work/none"
mkdir "$work/empty"
refused 1 'found none of them' "${train[@]}" --data "$work/empty"
cp -r "$work/data" "$work/cut"
head -c 100 "$work/data/train-images-idx3-ubyte" >"$work/cut/train-images-idx3-ubyte"
refused 1 'train-images-idx3-ubyte' "${train[@]}" --data "$work/cut"
cp -r "$work/data" "$work/magic"
printf '\x00\x00\x0d\x03' | dd of="$work/magic/train-images-idx3-ubyte" conv=notrunc status=none
refused 1 'train-images-idx3-ubyte' "${train[@]}" --data "$work/magic"
cp -r "$work/data" "$work/sizes"
idx "$work/sizes/t10k" 10 5
refused 1 "$work/sizes: the training pictures are 4 x 4 x 1 (height, width, channels), but the test pictures are 5 x 5 x 1" \
  "${train[@]}" --data "$work/sizes"
refused 1 'no parameter matches' "${train[@]}" --freeze 'predictor/l9/*'

# A test label that no training picture has: the network has no answer for it.
cp -r "$work/data" "$work/labels"
printf '\x09' | dd of="$work/labels/t10k-labels-idx1-ubyte" bs=1 seek=12 conv=notrunc status=none
evaluate=("$rensa" evaluate --arch mlp --units 4 --snapshot_file "$work/out")
refused 1 't10k-labels-idx1-ubyte: label 9 of picture 4 is out of range' "${train[@]}" --data "$work/labels"
refused 1 't10k-labels-idx1-ubyte: label 9 of picture 4 is out of range' "${evaluate[@]}" --data "$work/labels"
refused 2 'zero and double_buffering exclude each other' "${evaluate[@]}" --data "$work/data" --zero 1 --double_buffering
# What only a training cannot have is no matter for a command that takes its configuration.
taken() {  # COMMAND...: ends within 20 s with status 0
  timeout -k 2 20 "$@" >"$work/log" 2>&1 </dev/null || { echo "was refused: $*"; tail -n 5 "$work/log"; failures=$((failures + 1)); }
}
taken "${evaluate[@]}" --data "$work/data" --reproducible 2 --mixup 0.2 --batchsize 5
taken "${train[@]}" --clip_norm inf --out "$work/unlimited"
refused 1 'cuda' "${evaluate[@]}" --data "$work/data" --device cuda:99
refused 1 "$work/none: there is no such folder" "$rensa" predict --data "$work/none" --classes a,b,c --snapshot_file "$work/out" x.jpg

snapshot=$(ls "$work"/out/snapshot_iter_* | tail -n 1)
cp "$snapshot" "$work/flipped"
printf '\x5a' | dd of="$work/flipped" bs=1 seek=700 conv=notrunc status=none
refused 1 'was changed' "${train[@]}" --resume "$work/flipped"
head -c 900 "$snapshot" >"$work/short"
refused 1 'cut short' "${train[@]}" --resume "$work/short"
refused 1 'l1/W' "${train[@]}" --units 5 --resume "$snapshot"

# In a job rank 0 speaks for all; a rank whose host alone lacks a file speaks for itself.
if command -v mpirun >/dev/null; then
  # shellcheck source=scripts/support/ranks.sh
  source "$(dirname "$0")/../../scripts/support/ranks.sh"
  mpirun=(mpirun -n 3 --oversubscribe --bind-to none)
  said_once() {  # STATUS TEXT COMMAND...
    local times
    refused "$1" "$2" "${mpirun[@]}" "${@:3}"
    times=$(timeout 20 "${mpirun[@]}" "${@:3}" 2>&1 </dev/null | grep -cF "$2")
    [ "$times" -eq 1 ] || { echo "three ranks said $times times: $2"; failures=$((failures + 1)); }
  }
  said_once 2 'did you mean "epoch"?' "${train[@]}" --epohc 1
  said_once 2 'there is no command "tarin"' "$rensa" tarin
  touch "$work/one.0.cfg" "$work/one.2.cfg"
  # shellcheck disable=SC2016  # expanded on each rank
  refused 2 'rensa train: rank 1: ' "${mpirun[@]}" sh -c 'config=$1.$OMPI_COMM_WORLD_RANK.cfg; shift; exec "$@" --config "$config"' \
    sh "$work/one" "${train[@]}"
else
  echo "left out: there is no mpirun"
fi

exit $((failures > 0))
