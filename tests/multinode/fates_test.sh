#!/usr/bin/env bash
# A cut link and a stopped rank that is alone on its host: the job ends on all ranks and names the host.
set -uo pipefail
# shellcheck source=tests/support/emulated_hosts.sh
source "${RENSA_SOURCE_DIR:?}/tests/support/emulated_hosts.sh"
needs_emulated_hosts fate
# shellcheck source=tests/fates/fates.sh
source "${RENSA_SOURCE_DIR:?}/tests/fates/fates.sh"
failures=0
run_fate 2 2 hierarchical cut 3 3 0 before || failures=$((failures + 1))
run_fate 3 1 flat cut 2 3 1 before || failures=$((failures + 1))
run_fate 3 1 flat stop 1 3 2 before || failures=$((failures + 1))
run_fate 2 2 two_dimensional skip 1 3 0 before || failures=$((failures + 1))
exit $((failures > 0))
