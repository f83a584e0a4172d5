#!/usr/bin/env bash
# scripts/slurm/train.sbatch with stubs in place of Slurm's commands: each start goes on from `out`, wherever that is set, past what a
# killed run left behind; status 75 puts the job back in the queue.
set -euo pipefail
export RENSA_EXECUTABLE=${RENSA_EXECUTABLE:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/support/small_idx.sh
source "$(dirname "$0")/../support/small_idx.sh"

mkdir "$work/bin"
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/srun"
# shellcheck disable=SC2016  # expanded by the stub
printf '#!/bin/sh\necho "$@" >>"%s/requeued"\n' "$work" >"$work/bin/scontrol"
chmod +x "$work"/bin/*
PATH=$work/bin:$PATH
job=(bash "${RENSA_SOURCE_DIR:?}/scripts/slurm/train.sbatch")

expect() {  # STATUS TEXT COMMAND...
  local wanted=$1 text=$2 status=0
  shift 2
  "$@" >"$work/log" 2>&1 </dev/null || status=$?
  [ "$status" -eq "$wanted" ] && grep -qF -- "$text" "$work/log" && return
  echo "expected status $wanted and \"$text\", found status $status: $*"
  tail -n 20 "$work/log"
  exit 1
}

small_idx_folder "$work/data" 30 10
printf '%s\n' "data = $work/data" "out = $work/out" 'arch = mlp' 'units = 4' 'batchsize = 10' 'threads = 1' >"$work/job.cfg"
mkdir "$work/out"
touch "$work/out/snapshot_iter_5.writing-4242-0"  # of a run that was killed meanwhile
expect 0 'the run starts from the beginning' "${job[@]}" --config "$work/job.cfg" --out "$work/out" --epoch 1
touch "$work/out/snapshot_iter_5.writing-4242-0"
expect 0 'at iteration 3' "${job[@]}" --config "$work/job.cfg" --epoch 2

expect 2 'copy it into' "${job[@]}" --config "$work/job.cfg" --resume "$work/out/snapshot_iter_3"
expect 2 'copy it into' "${job[@]}" --config "$work/job.cfg" --resume="$work/out/snapshot_iter_3"

printf '#!/bin/sh\nexit 75\n' >"$work/bin/stopped"
chmod +x "$work/bin/stopped"
expect 0 'ended with status 75' env SLURM_JOB_ID=12 RENSA_EXECUTABLE=stopped "${job[@]}"
[ "$(cat "$work/requeued")" = 'requeue 12' ] || { echo "scontrol got: $(cat "$work/requeued")"; exit 1; }
