#!/usr/bin/env bash
# Planted on one of three emulated hosts: a rank that is 30 % slower, a slow loader, a slow link. Each is named, with its host;
# nothing is named where nothing was planted.
set -euo pipefail
# shellcheck source=tests/support/emulated_hosts.sh
source "${RENSA_SOURCE_DIR:?}/tests/support/emulated_hosts.sh"
needs_emulated_hosts planted
command -v tc >/dev/null || skip "there is no iproute2"
export OMP_NUM_THREADS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source"
failures=0

run() {  # FAULT EXPECTED: the last of the three lines must have it
  local fault=$1 expected=$2 cluster=''
  scripts/netns_mpirun.sh -q -m "${RENSA_MPIEXEC:-mpirun}" -n 3 -- -np 3 "$build/planted" "$fault" 2 "$work/$fault" \
    >"$work/out" 2>"$work/err" </dev/null &
  local job=$!
  if [ "$fault" = link ]; then
    for _ in $(seq 100); do
      cluster=$(sed -n -E 's/^cluster: ([^ ]+) .*/\1/p' "$work/err")
      [ -n "$cluster" ] && [ -s "$cluster/node2/pid" ] && break
      sleep 0.1
    done
    scripts/netns_mpirun.sh --enter "$cluster" node2 tc qdisc add dev eth0 root tbf rate 100mbit burst 64kb latency 50ms
  fi
  local status=0
  wait $job || status=$?
  local last
  last=$(tail -n 1 "$work/out")
  echo "$fault: $last"
  if [ $status -ne 0 ] || ! grep -q -- "$expected" <<<"$last"; then
    echo "expected: $expected (status $status)"
    cat "$work/out"
    tail -n 5 "$work/err"
    failures=$((failures + 1))
  fi
}

# ranks that share busy cores do wait for each other's messages: then no host may be named
run none '^no straggler\|^network: all links alike'
run rank '^slow rank: rank 2 on node2'
run loader '^slow loader: rank 2 on node2'
run link '^slow link: that of host node2'
exit $((failures > 0))
