#!/usr/bin/env bash
# A cut link and a stopped rank that is alone on its host: the job ends on all ranks and names the host.
set -uo pipefail
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
[ -x "${RENSA_BUILD_DIR:?}/fate" ] || { echo "skipped: built without MPI"; exit 77; }
grep -qE '(Open MPI|OpenRTE)\) 4' <<<"$("${RENSA_MPIEXEC:-mpirun}" --version)" || { echo "skipped: the emulation starts Open MPI 4's daemons"; exit 77; }
unshare --net --uts --ipc --mount true 2>/dev/null || { echo "skipped: namespaces are not allowed here"; exit 77; }
command -v ip >/dev/null || { echo "skipped: there is no iproute2"; exit 77; }
# shellcheck source=tests/fates/fates.sh
source "${RENSA_SOURCE_DIR:?}/tests/fates/fates.sh"
failures=0
run_fate 2 2 hierarchical cut 3 3 0 before || failures=$((failures + 1))
run_fate 3 1 flat cut 2 3 1 before || failures=$((failures + 1))
run_fate 3 1 flat stop 1 3 2 before || failures=$((failures + 1))
run_fate 2 2 two_dimensional skip 1 3 0 before || failures=$((failures + 1))
exit $((failures > 0))
