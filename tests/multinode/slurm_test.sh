#!/usr/bin/env bash
# Training under a Slurm of two emulated hosts: srun starts the ranks; SIGTERM before a job's time limit ends it with a snapshot and
# status 75, and a job that goes on from there finishes; a job that is told to stop puts itself back in the queue and finishes.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=tests/support/emulated_hosts.sh
source "${RENSA_SOURCE_DIR:?}/tests/support/emulated_hosts.sh"
needs_emulated_hosts mpi_test
for program in slurmctld slurmd srun munged; do
  command -v $program >/dev/null || skip "there is no $program (apt-get install slurmctld slurmd slurm-client munge)"
done
cd "$source"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# MPICH's ranks ask Slurm for each other by PMI-2, Open MPI's by PMIx.
if "${RENSA_MPIEXEC:-mpirun}" --version 2>&1 | grep HYDRA >/dev/null; then export RENSA_SRUN=--mpi=pmi2; else export RENSA_SRUN=--mpi=pmix; fi
export WORK=$work RENSA_BUILD_DIR=$build RENSA_EXECUTABLE=$build/rensa OMP_NUM_THREADS=1
"$RENSA_EXECUTABLE" data pictures --out "$work/pictures" --classes 2 --train-per-class 40 --val-per-class 8 --max-size 96 >/dev/null

cat >"$work/jobs.sh" <<'JOBS'
set -euo pipefail
epoch_iterations=10  # 80 pictures, 2 ranks of 4
network=(--data "$WORK/pictures" --arch resnet18 --width 8 --size 32 --resize 40 --batchsize 4 --seed 1)
fail() {
  echo "$1" >&2
  tail -n 30 "$WORK"/*.log >&2
  exit 1
}
snapshots() { compgen -G "$1/snapshot_iter_*" | sed 's/.*snapshot_iter_//' | sort -n; }  # FOLDER: their iterations

# shellcheck disable=SC2086  # options
srun -N 2 -n 2 $RENSA_SRUN "$RENSA_BUILD_DIR/rensa-doctor" >"$WORK/doctor.log" 2>&1 || [ $? -eq 1 ] || fail "the doctor found errors"
grep -q '2 ranks on 2 hosts' "$WORK/doctor.log" && grep -q 'launcher *Slurm' "$WORK/doctor.log" || fail "srun did not start two ranks on two hosts"
echo "srun $RENSA_SRUN: two ranks on two hosts"

# A job that would go on for ever. Slurm warns it 40 s before its two minutes are over, or up to half a minute earlier.
begun=$SECONDS
status=0
sbatch --wait --no-requeue --time=2 --signal=TERM@40 --output="$WORK/limited.log" scripts/slurm/train.sbatch "${network[@]}" \
  --out "$WORK/limited" --epoch 1000000 >/dev/null || status=$?
[ $status -eq 75 ] || fail "at its time limit the job ended with status $status after $((SECONDS - begun)) s, expected 75"
[ $((SECONDS - begun)) -lt 120 ] || fail "the job outlived its time limit"
made=$(snapshots "$WORK/limited" | tail -n 1)
[ -n "$made" ] || fail "the job made no snapshot before its time limit"
echo "SIGTERM before the time limit: status 75 after $((SECONDS - begun)) s of 120, snapshot at iteration $made"

last=$(((made / epoch_iterations + 2) * epoch_iterations))
sbatch --wait --time=5 --output="$WORK/resumed.log" scripts/slurm/train.sbatch "${network[@]}" --out "$WORK/limited" \
  --epoch $((last / epoch_iterations)) >/dev/null || fail "the job that resumes ended with status $?"
[ "$(snapshots "$WORK/limited" | tail -n 1)" = "$last" ] || fail "the job that resumes did not reach iteration $last"
echo "the job that goes on from there finishes at iteration $last"

# One job that is told to stop, puts itself back in the queue and finishes.
epochs=400
job=$(sbatch --parsable --time=5 --output="$WORK/requeued.log" scripts/slurm/train.sbatch "${network[@]}" --out "$WORK/requeued" --epoch $epochs)
for _ in $(seq 600); do
  sleep 0.1
  [ ! -s "$WORK/requeued/log" ] || break
done
[ -s "$WORK/requeued/log" ] || fail "the job did not begin"
scancel --signal=TERM "$job"
for _ in $(seq 1200); do
  sleep 0.2
  ! grep -q 'ended with status 0' "$WORK/requeued.log" || break
done
grep -q 'ended with status 75' "$WORK/requeued.log" || fail "told to stop, the job did not end with status 75"
grep -q 'ended with status 0' "$WORK/requeued.log" || fail "the job did not finish after it was put back in the queue"
[ "$(snapshots "$WORK/requeued" | tail -n 1)" = $((epochs * epoch_iterations)) ] || fail "the requeued job did not reach its last epoch"
echo "a job that is told to stop puts itself back in the queue and finishes"
JOBS
scripts/cluster/slurm -n 2 -- bash "$work/jobs.sh"
