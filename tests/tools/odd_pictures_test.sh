#!/usr/bin/env bash
# Unusual and broken files among good ones: the run goes on with status 0, names what it could not read and counts it, and gives up
# only when more than max_bad_images are bad.
set -uo pipefail
rensa=${RENSA_EXECUTABLE:?}
odd=${RENSA_DATA:-}/odd-jpegs
[ -d "$odd" ] || { echo "skipped: there is no $odd"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; tail -n 12 "$work/log"; exit 1; }

"$rensa" data pictures --out "$work/pictures" --classes 2 --train-per-class 20 --val-per-class 4 --max-size 160 >/dev/null || exit 1
cp "$odd"/*.jpg "$work"/pictures/val/bricks/
train=("$rensa" train --data "$work/pictures" --arch resnet18 --width 8 --size 32 --resize 40 --batchsize 10 --threads 1
  --epoch 1 --progress false --out "$work/out")

timeout 60 "${train[@]}" >"$work/log" 2>&1 || fail "the run ended with status $?"
for name in png-named-jpg missing-sos lossless-sof3 corrupt-data; do
  grep -q "$name.jpg: .*it is left out" "$work/log" || fail "$name.jpg is not named"
done
for name in truncated-progressive junk-in-header gray-bad-exif-bad-data; do
  grep "$name.jpg: " "$work/log" | grep -v 'left out' >/dev/null || fail "$name.jpg was not read with a warning"
done
for name in cmyk-32x32 ycck-adobe rgb-not-ycbcr exif-orientation-3 exif-orientation-6 gray-1x1000 /progressive; do
  ! grep -q "$name.jpg" "$work/log" || fail "$name.jpg was not simply read"
done
grep -Eq '4 pictures could not be read and 3 were read with warnings' "$work/log" || fail "the problems are not counted"

timeout 60 "${train[@]}" --max_bad_images 3 >"$work/log" 2>&1 && fail "max_bad_images 3 was passed over"
grep -q 'more than max_bad_images = 3' "$work/log" || fail "max_bad_images is not named"
