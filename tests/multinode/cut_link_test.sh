#!/usr/bin/env bash
# A link that is cut for a moment costs a pause; one that is cut for good, and a host that loses power, end the job soon.
set -euo pipefail
# shellcheck source=tests/support/emulated_hosts.sh
source "${RENSA_SOURCE_DIR:?}/tests/support/emulated_hosts.sh"
needs_emulated_hosts mpi_test
export OMP_NUM_THREADS=1
cd "$source"
work=$(mktemp -d)
job=''
trap '[ -z "$job" ] || kill "$job" 2>/dev/null || true; rm -rf "$work"' EXIT
ranks=2

fail() {
  echo "$1" >&2
  cat "$work/log" >&2
  exit 1
}

start() {  # STEPS: a job of two hosts that reduces for as long
  scripts/netns_mpirun.sh -q -m "${RENSA_MPIEXEC:-mpirun}" -n 2 -- -np $ranks "$RENSA_EXECUTABLE" bench step --model mlp \
    --batch 8 --threads 1 --steps "$1" --warmup 0 --json >"$work/log" 2>&1 </dev/null &
  job=$!
  cluster=''
  for _ in $(seq 100); do
    sleep 0.1
    cluster=$(sed -n 's/^cluster: \([^ ]*\).*/\1/p' "$work/log")
    [ -z "$cluster" ] || break
  done
  [ -n "$cluster" ] || fail "the hosts did not come up"
  for _ in $(seq 100); do  # until gradients flow
    sleep 0.1
    sent=$(scripts/netns_mpirun.sh --enter "$cluster" node1 cat /sys/class/net/eth0/statistics/tx_bytes || echo 0)
    [ "$sent" -lt 30000000 ] || return 0
  done
  fail "the job did not begin to work"
}

finish() {  # SECONDS: the job's status, within so long
  local begun
  begun=$(date +%s)
  status=0
  timeout "$1" tail --pid="$job" -f /dev/null || kill -TERM "$job" 2>/dev/null || true
  wait "$job" || status=$?
  job=''
  seconds=$(($(date +%s) - begun))
}

start 400
scripts/netns_mpirun.sh --cut "$cluster" node1
sleep 3
scripts/netns_mpirun.sh --heal "$cluster" node1
finish 120
[ $status -eq 0 ] || fail "a cut of 3 s ended the job with status $status after $seconds s"
grep -q '"ranks":2' "$work/log" || fail "the job went on after the cut, but not to its end"
echo "a cut of 3 s: the job went on and ended well"

start 1000000
scripts/netns_mpirun.sh --cut "$cluster" node1
finish 60
[ $status -ne 0 ] && [ $status -ne 143 ] || fail "a cut for good: status $status after $seconds s"
echo "a cut for good: status $status after $seconds s"

start 1000000
scripts/netns_mpirun.sh --power-off "$cluster" node1
finish 60
[ $status -ne 143 ] || fail "a host without power did not end the job in $seconds s"
# The mpirun of Open MPI 5 says that it lost the host, and ends with status 0 all the same.
[ $status -ne 0 ] || grep -q 'PRTE has lost communication with a remote daemon' "$work/log" ||
  fail "a host without power: status 0 after $seconds s"
echo "a host without power: status $status after $seconds s"
