#!/usr/bin/env bash
# Networks for MNIST's kind of files: trained, judged, and asked about JPEG pictures, which they get in their own size, in grey.
set -uo pipefail
rensa=${RENSA_EXECUTABLE:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; tail -n 8 "$work/log"; exit 1; }

# shellcheck source=tests/support/small_idx.sh
source "$(dirname "$0")/../support/small_idx.sh"
small_idx_folder "$work/data" 40 10 8 "10 f0"  # dark and bright in turns
"$rensa" data pictures --out "$work/pictures" --classes 2 --train-per-class 1 --val-per-class 2 --max-size 60 --min-size 40 >/dev/null || exit 1

for arch in mlp vgg_cifar; do
  network=(--data "$work/data" --arch $arch --units 8 --width 4 --threads 1)
  "$rensa" train "${network[@]}" --batchsize 10 --epoch 10 --lr 0.05 --augment false --progress false --out "$work/$arch" \
    >"$work/log" 2>&1 </dev/null || fail "$arch: training failed"
  "$rensa" evaluate "${network[@]}" --snapshot_file "$work/$arch" >"$work/log" 2>&1 </dev/null || fail "$arch: evaluate failed"
  grep -q 'samples 10, .*top-1 1, top-5 1' "$work/log" || fail "$arch: dark and bright should be told apart"
  "$rensa" predict "${network[@]}" --snapshot_file "$work/$arch" "$work/pictures/val" >"$work/log" 2>&1 || fail "$arch: predict failed"
  [ "$(grep -Ec '^\{"file":.*"class":"[01]","probability":' "$work/log")" -eq 4 ] || fail "$arch: expected 4 answers"
  "$rensa" predict "${network[@]}" --classes dark,bright --snapshot_file "$work/$arch" "$work/pictures/val" >"$work/log" 2>&1 ||
    fail "$arch: predict with names failed"
  [ "$(grep -Ec '"class":"(dark|bright)","probability":' "$work/log")" -eq 4 ] || fail "$arch: --classes names the answers"
done
# samples made where the network is are the host's, and so are the losses
for where in host device; do
  "$rensa" train "${network[@]}" --batchsize 10 --epoch 3 --lr 0.05 --colour_jitter 0.4,0.4 --augment_on $where --progress false \
    --out "$work/on_$where" >"$work/log" 2>&1 </dev/null || fail "augment_on $where: training failed"
done
losses() { grep -E '"(validation/)?main/(loss|accuracy)"' "$work/on_$1/log"; }
[ -n "$(losses host)" ] || fail "no losses were logged"
[ "$(losses host)" = "$(losses device)" ] || fail "augment_on device gives other losses"

# without its data folder the network would be shown photographs
"$rensa" predict "${network[@]}" --data "$work/none" --classes dark,bright --snapshot_file "$work/mlp" "$work/pictures/val" >"$work/log" 2>&1
[ $? -eq 1 ] && grep -q 'there is no such folder' "$work/log" || fail "a missing data folder was passed over"

mkdir "$work/empty"
if "$rensa" predict "${network[@]}" --snapshot_file "$work/mlp" "$work/empty" >"$work/log" 2>&1; then fail "an empty folder gave status 0"; fi
exit 0
