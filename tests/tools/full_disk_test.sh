#!/usr/bin/env bash
# A disk that fills up during a snapshot: the run ends and says why, and the snapshot before it can be gone on from.
set -uo pipefail
rensa=${RENSA_EXECUTABLE:?}
if [ "${1:-}" != inside ]; then
  unshare -m true 2>/dev/null || { echo "skipped: a disk of our own takes root"; exit 77; }
  exec unshare -m bash "$0" inside
fi
work=$(mktemp -d)
trap 'umount "$work/disk" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "$*"; tail -n 5 "$work/log"; exit 1; }

mkdir "$work/disk"
mount -t tmpfs -o size=4m tmpfs "$work/disk" || { echo "skipped: no tmpfs can be mounted"; exit 77; }
"$rensa" data pictures --out "$work/pictures" --classes 2 --train-per-class 20 --val-per-class 4 --max-size 160 >/dev/null || exit 1
train=("$rensa" train --data "$work/pictures" --arch resnet18 --width 8 --size 32 --resize 40 --batchsize 10 --threads 1 --progress false)

# A snapshot takes 1.6 MB: two fit, the third does not.
timeout 60 "${train[@]}" --epoch 5 --keep 0 --out "$work/disk/out" >"$work/log" 2>&1
status=$?
[ $status -eq 1 ] || fail "a full disk gave status $status"
grep -q 'snapshot_iter_[0-9]*: cannot be written' "$work/log" || fail "the full disk is not named"
snapshots=$(find "$work/disk/out" -name 'snapshot_iter_*' | wc -l)
files=$(find "$work/disk/out" -type f | wc -l)
[ "$snapshots" -eq 2 ] || fail "$snapshots snapshots were left, expected 2"
[ "$files" -eq 4 ] || fail "expected the log, the report and two snapshots, found: $(ls -a "$work/disk/out")"
timeout 60 "${train[@]}" --epoch 3 --resume "$work/disk/out" --out "$work/out" >"$work/log" 2>&1 || fail "the older snapshot is not usable"
grep -q 'goes on from' "$work/log" || fail "the run did not go on"
