#!/usr/bin/env bash
# Each way a rank can fail, on one host: the job ends on all ranks within 15 s and names the culprit once.
set -uo pipefail
[ -x "${RENSA_BUILD_DIR:?}/fate" ] || { echo "skipped: built without MPI"; exit 77; }
# shellcheck source=tests/fates/fates.sh
source "${RENSA_SOURCE_DIR:?}/tests/fates/fates.sh"
failures=0
for fate in exception abort segv kill stop wrong_shape wrong_dtype skip; do
  run_fate 1 3 auto $fate 1 3 0 before || failures=$((failures + 1))
done
for _ in 1 2 3; do # MPI_Finalize and the launcher do not wait for each other
  run_fate 1 3 auto caught 1 3 0 before || failures=$((failures + 1))
  run_fate 1 3 auto returns 1 3 0 before || failures=$((failures + 1))
done
run_fate 1 3 flat wrong_dtype 2 3 1 before || failures=$((failures + 1)) # MPI itself would go on
run_fate 1 2 auto kill 0 3 4 inside || failures=$((failures + 1))        # the rank that judges

# Without a watchdog, as where it has not begun: the launcher ends the ranks that wait for one without a communicator.
out=$(mktemp -d)
export mpirun
export -f mpirun_on_one_host
RENSA_HEARTBEAT_TIMEOUT=0 timeout 15 bash -c 'mpirun_on_one_host 2 "$0" "$1" auto 60 unmade 1 0 0 before' \
  "$RENSA_BUILD_DIR/fate" "$out" >"$out/log" 2>&1 </dev/null
status=$?
if [ $status -eq 0 ] || [ $status -eq 124 ] || ! grep -q '^rensa: .*unmade' "$out/log"; then
  echo "1x2 auto: rank 1, unmade: status $status"
  sed 's/^/    /' "$out/log" | head -n 40
  failures=$((failures + 1))
fi
rm -rf "$out"
exit $((failures > 0))
