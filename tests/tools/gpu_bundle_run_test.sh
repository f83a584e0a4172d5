#!/usr/bin/env bash
# scripts/gpu/run with stubs in place of the bundle's programs: what was skipped is not called passed, and warnings of the doctor, such
# as that of two ranks for one GPU, fail nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/bundle
mkdir -p "$bundle"/{bin,lib,source/tests/gpu}
cp "${RENSA_SOURCE_DIR:?}"/scripts/gpu/{run,environment} "$bundle/"
touch "$bundle/lib/librensa_nccl.so"
printf 'echo "skipped: there is no data"\nexit 77\n' >"$bundle/source/tests/gpu/training_test.sh"

stub() {  # NAME TEXT: a program of the bundle
  printf '#!/bin/sh\n%s\n' "$2" >"$bundle/bin/$1"
  chmod +x "$bundle/bin/$1"
}
stub nvidia-smi 'echo "One GPU, 550.1, 81559 MiB"'
stub mpirun 'shift 4; exec "$@"'  # -n RANKS --bind-to none
# shellcheck disable=SC2016  # expanded by the stub
stub rensa '[ "$1" != doctor ] || exit "${DOCTOR_STATUS:?}"'
stub core_test 'echo "[  PASSED  ] 3 tests."'
stub mpi_test 'printf "a_test.cpp:7: Skipped\nthere is one GPU for 2 ranks\n\n[  PASSED  ] 0 tests.\nRENSA: ALL SKIPPED\n"'
stub python3 true
stub compute-sanitizer true

expect() {  # STATUS LINE: of the last run's summary
  [ $status -eq "$1" ] && grep -q "^$2" "$work/results/summary" && return
  echo "expected status $1 and \"$2\", found status $status:"
  cat "$work/results/summary"
  exit 1
}

status=0
DOCTOR_STATUS=1 "$bundle/run" 60 "$work/results" >/dev/null 2>&1 </dev/null || status=$?
expect 0 'smoke_doctor: passed'
expect 0 'gpu_tests_core_test: passed'
expect 0 'gpu_training: skipped: there is no data'
expect 0 'nccl_2: skipped: there is one GPU for 2 ranks'
status=0
(cd "$work" && DOCTOR_STATUS=2 "$bundle/run" 60 results) >/dev/null 2>&1 </dev/null || status=$?
expect 1 'smoke_doctor: FAILED'
