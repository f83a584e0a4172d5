#!/usr/bin/env bash
# A rank that fails ends the job within 10 seconds and is named: one that throws, and one that is killed.
set -uo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
mpirun=(mpirun -n 2 --oversubscribe --bind-to none)

"$rensa" data pictures --out "$work/pictures" --classes 2 --train-per-class 40 --val-per-class 10 --max-size 160 >/dev/null || exit 1
train=("$rensa" train --data "$work/pictures" --arch resnet18 --width 8 --size 32 --resize 40 --batchsize 8 --progress false
  --threads 1 --out "$work/out")

"${mpirun[@]}" "${train[@]}" --epoch 100000 >"$work/log" 2>&1 </dev/null &
job=$!
for _ in $(seq 100); do
  grep -q '^1 ' "$work/log" && break
  sleep 0.2
done
grep -q '^1 ' "$work/log" || { echo "the job did not start:"; tail -n 5 "$work/log"; kill $job; exit 1; }
start=$(date +%s)
killed=no
for process in /proc/[0-9]*; do  # rank 1 of this job
  cat "$process/environ" 2>/dev/null | tr '\0' '\n' | grep -x 'OMPI_COMM_WORLD_RANK=1' >/dev/null || continue
  cat "$process/cmdline" 2>/dev/null | tr '\0' ' ' | grep -F -- "--out $work/out" >/dev/null && kill -9 "${process#/proc/}" && killed=yes
done
[ $killed = yes ] || { echo "rank 1 was not found"; kill $job; exit 1; }
wait $job
status=$?
seconds=$(($(date +%s) - start))
[ $status -ne 0 ] || { echo "a killed rank left status 0"; exit 1; }
[ $seconds -le 10 ] || { echo "the job went on for $seconds s after a rank was killed"; exit 1; }
grep -Eq 'rank 1|Rank 1|rank: 1' "$work/log" || { echo "rank 1 is not named:"; tail -n 8 "$work/log"; exit 1; }

# Not a JPEG, and none may be bad: the rank that meets it gives up.
victim=$(ls "$work"/pictures/train/*/*.jpg | head -n 1)
echo "not a picture" >"$victim"
start=$(date +%s)
timeout 60 "${mpirun[@]}" "${train[@]}" --epoch 3 --max_bad_images 0 >"$work/log" 2>&1 </dev/null
status=$?
seconds=$(($(date +%s) - start))
[ $status -ne 0 ] && [ $seconds -le 20 ] || { echo "status $status after $seconds s with a bad picture"; exit 1; }
grep -Eq 'rensa: rank [01] of 2 on ' "$work/log" || { echo "the rank is not named:"; tail -n 8 "$work/log"; exit 1; }
grep -qF "$(basename "$victim")" "$work/log" || { echo "the file is not named"; exit 1; }

# Allowed: the run goes on.
timeout 60 "${mpirun[@]}" "${train[@]}" --epoch 1 --max_bad_images 3 >"$work/log" 2>&1 </dev/null || { echo "one bad picture ended the run"; tail -n 5 "$work/log"; exit 1; }
