#!/usr/bin/env bash
# The same configuration on the CPU and on a GPU: the first ten losses agree to 1e-3 (float32, TF32 off), and a run in bfloat16
# and one in mixed16 come down as well.
set -euo pipefail
rensa=${RENSA_EXECUTABLE:?}
source=${RENSA_SOURCE_DIR:?}
data=${RENSA_DATA:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -e /proc/driver/nvidia/gpus ] || [ -e /dev/nvidia0 ] || { echo "skipped: there is no NVIDIA GPU"; exit 77; }

# losses CONFIG DATA DEVICE KEYS…: main/loss of each of the first ten steps
losses() {
  local config=$1 folder=$2 device=$3
  shift 3
  rm -rf "$work/out"
  "$rensa" train --config "$source/configs/$config" --data "$folder" --out "$work/out" --device "$device" --epoch 0.02 \
    --log_interval "1 iteration" --snapshot never --progress false --batchsize 32 --val_batchsize 500 "$@" >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
  grep -o '"main/loss": [0-9.e+-]*' "$work/out/log" | head -10 | cut -d' ' -f2
}

compared=0
for pair in "mnist.cfg fashion-mnist" "fashion_mnist.cfg fashion-mnist" "cifar10.cfg cifar-10" "cifar10_resnet.cfg cifar-10"; do
  read -r config folder <<<"$pair"
  [ -d "$data/$folder" ] || continue
  losses "$config" "$data/$folder" cpu >"$work/cpu"
  losses "$config" "$data/$folder" cuda >"$work/cuda"
  paste "$work/cpu" "$work/cuda" | awk -v name="$config" '
    { d = $1 - $2; if (d < 0) d = -d; if (d > 1e-3) { print name ": step " NR ": " $1 " on the CPU, " $2 " on the GPU"; bad = 1 } }
    END { if (NR < 5) { print name ": " NR " losses were logged"; bad = 1 } exit bad }'
  for dtype in bfloat16 mixed16; do
    losses "$config" "$data/$folder" cuda --dtype "$dtype" >"$work/$dtype"
    paste "$work/cpu" "$work/$dtype" | awk -v name="$config $dtype" '
      { d = $1 - $2; if (d < 0) d = -d; if (!(d < 0.1 * $1 + 0.1)) { print name ": step " NR ": " $2 ", float32 on the CPU " $1; bad = 1 } }
      END { exit bad }'
  done
  compared=$((compared + 1))
done
[ $compared -gt 0 ] || { echo "skipped: no data set of these is in $data"; exit 77; }
echo "$compared configurations agree"
