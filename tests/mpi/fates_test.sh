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
run_fate 1 3 flat wrong_dtype 2 3 1 before || failures=$((failures + 1)) # MPI itself would go on
run_fate 1 2 auto kill 0 3 4 inside || failures=$((failures + 1))        # the rank that judges
exit $((failures > 0))
