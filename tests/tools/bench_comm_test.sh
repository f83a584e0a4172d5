#!/usr/bin/env bash
# `rensa bench comm` under mpirun: nccl-tests' columns, one line of JSON for each size, a page of curves, and refusals.
set -uo pipefail
# shellcheck source=tests/support/command_runs.sh
source "$(dirname "$0")/../support/command_runs.sh"
oversubscribe=()
mpirun --version 2>&1 | grep "Open MPI" >/dev/null && oversubscribe=(--oversubscribe --bind-to none)
bench=(timeout 60 mpirun -n 2 "${oversubscribe[@]}" "$rensa" bench comm --iterations 3 --warmup 1)
fail() { echo "$1"; cat "$work/out" "$work/err"; exit 1; }

"${bench[@]}" --collective all --min_bytes 4 --max_bytes 64K --step_factor 128 --plot "$work/page.html" \
  >"$work/out" 2>"$work/err" </dev/null || fail "the run failed"
# Lines of 15 words: size count type redop root, time algbw busbw #wrong twice, the spread twice. Nothing is wrong.
awk '!/^#/ { lines++; if (NF != 15 || $3 != "float32" || $6 <= 0 || $9 != 0 || ($13 != 0 && $13 != "N/A")) { print "bad line: " $0; bad = 1 } }
     END { exit bad || lines == 0 }' "$work/out" || fail "a line is not as expected"
for collective in all_reduce reduce_scatter all_gather broadcast gather scatter all_to_all send_recv reduce; do
  grep -q "^# $collective, communicator auto, 2 ranks on 1 node" "$work/out" || fail "there is no table of $collective"
  grep -q "<h2>$collective: bus bandwidth" "$work/page.html" || fail "there is no curve of $collective"
done
grep -q '^# Out of bounds values : 0 OK' "$work/out" || fail "the last lines are missing"
[ "$(awk '$4 == "sum" && $1 == 4' "$work/out" | wc -l)" -eq 2 ] || fail "all_reduce or reduce of 4 bytes is missing"

"${bench[@]}" --communicator flat,naive --max_bytes 1K --step_factor 16 --dtype int32 --op max --max_seconds inf --json >"$work/out" 2>"$work/err" </dev/null ||
  fail "the run with JSON failed"
[ "$(grep -c '^{"collective":"all_reduce"' "$work/out")" -eq 6 ] || fail "expected three sizes of two communicators"
[ "$(grep -c '"times_us":\[[0-9.e+-]*,[0-9.e+-]*,[0-9.e+-]*\],"wrong":0' "$work/out")" -eq 6 ] || fail "expected three times and nothing wrong"

refused() { # TEXT ARGUMENTS...: status 2 without a launcher
  local text=$1
  shift
  timeout 20 "$rensa" bench comm "$@" >"$work/out" 2>"$work/err" </dev/null
  [ $? -eq 2 ] && grep -qF -- "$text" "$work/err" || fail "expected status 2 and \"$text\": $*"
}
refused 'is not one of: all, all_reduce' --collective all_redcue
refused 'is not a size' --max_bytes 4Q
refused 'is less than min_bytes' --min_bytes 1K --max_bytes 4
refused 'is not one of' --dtype bool
timeout 20 "$rensa" bench comm --communicator pure_nccl >"$work/out" 2>&1 </dev/null && fail "pure_nccl measured arrays on the CPU"
grep -qF 'pure_nccl carries arrays on GPUs' "$work/out" || fail "pure_nccl did not say what it carries"
timeout 20 "$rensa" bench comm --help | grep 'communicators: auto' >/dev/null || { echo "help lists no communicators"; exit 1; }
