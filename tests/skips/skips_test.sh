#!/usr/bin/env bash
# ctest calls a suite skipped if all of it was, and nothing failed: what cmake/DiscoverSuites.cmake makes of the suites of skips.cpp.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/CTestTestfile.cmake" <<CMAKE
set(target skips)
set(executable "${RENSA_BUILD_DIR:?}/skips")
set(source_dir "$work")
set(processors 1)
set(timeout_s 60)
set(slow_timeout_s 60)
set(environment "")
include("${RENSA_SOURCE_DIR:?}/cmake/DiscoverSuites.cmake")
CMAKE
ctest --test-dir "$work" >"$work/log" 2>&1 </dev/null || true

expect() {  # SUITE OUTCOME
  grep -Eq "Test +#[0-9]+: skips\.$1 \.+ *$2 " "$work/log" || { echo "expected of $1: $2"; cat "$work/log"; exit 1; }
}
expect AllFailed '\*\*\*Failed'
expect AllSkipped '\*\*\*Skipped'
expect SomeSkipped 'Passed'
expect SkippedAndFailed '\*\*\*Failed'
expect FailsAtItsEnd '\*\*\*Failed'
