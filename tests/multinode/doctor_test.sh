#!/usr/bin/env bash
# rensa doctor on emulated hosts: content with healthy ones, and it finds each of eight faults planted on one of them, under
# the name of its check, on the host it was planted on, with a remedy, and nothing else.
set -euo pipefail
mpirun=${RENSA_MPIEXEC:-mpirun}
# shellcheck source=tests/support/emulated_hosts.sh
source "${RENSA_SOURCE_DIR:?}/tests/support/emulated_hosts.sh"
needs_emulated_hosts faults/libfewer_threads.so
cores=$(nproc)
[ "$cores" -le 16 ] || skip "more ranks than cores would be $cores and more"
cd "$source"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset OMP_NUM_THREADS
export RENSA_EXECUTABLE=$build/rensa PLANTED_HOST=node1 FAULTS=$build/faults WORK=$work
export CHECKED=$build/rensa-doctor  # the ranks' program: rensa doctor behind the look at its libraries

status=0
run() {  # SLOTS RANKS PLANT...: PLANT is shell text that every rank executes before it becomes the doctor
  status=0
  scripts/netns_mpirun.sh -q -m "$mpirun" -s "$1" -- -np "$2" sh -c \
    "on_node1() { [ \"\$(hostname)\" = node1 ]; }; $3; exec \"\$CHECKED\"" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

named() {  # the checks that are not content
  sed -n -E 's/^(warning|error) +([^ ]+( [^ ]+)*)  .*/\2/p; s/^(warning|error) +([^ ]+( [^ ]+)*)$/\2/p' "$work/out" | sort -u | paste -s -d ,
}

fail() {
  echo "$1" >&2
  cat "$work/out" "$work/err" >&2
  exit 1
}

expect() {  # CHECK STATUS WHERE TEXT: of the run before
  local checks
  checks=$(named)
  [ "$checks" = "$1" ] || fail "planted: $1; found: ${checks:-nothing}"
  [ "$status" -eq "$2" ] || fail "$1: status $status, expected $2"
  grep -aE "^  (warning|error): $3.*: " "$work/out" | grep -aqF -- "$4" || fail "$1: expected on $3: $4"
  grep -aq '^  remedy: ..........' "$work/out" || fail "$1: there is no remedy"
  echo "found: $1: $(grep -aE '^  (warning|error): ' "$work/out" | head -n 1 | cut -c 3-)"
}

run 1,1 2 true
[ -z "$(named)" ] && [ "$status" -eq 0 ] || fail "healthy hosts: status $status, found: $(named)"
grep -q '^fine .*interfaces .*node0: eth0 10.77.0.1; node1: eth0 10.77.0.2' "$work/out" || fail "the interfaces in use are not named"

# 1. More ranks than cores.
run "1,$((cores + 1))" $((cores + 2)) true
expect oversubscription 1 node1 "$((cores + 1)) ranks share $cores cores"

# 2. Tiny shared memory.
run 1,2 3 'on_node1 && mount -o remount,size=16m /dev/shm'
expect "shared memory" 2 node1 "/dev/shm has"

# 3. The wrong interface: one that only node0 has; and one that has the same address on both.
# shellcheck disable=SC2016  # expanded by the ranks
run 1,1 2 'on_node1 || { ip link add eth1 type veth peer name eth2 && ip addr add 10.78.0.1/24 dev eth1 && ip link set eth1 up; }
  export OMPI_MCA_btl_tcp_if_include=eth1'
expect interfaces 2 node1 "names eth1, which this host does not have"
run 1,1 2 'ip link add docker0 type bridge && ip addr add 172.17.0.1/16 dev docker0 && ip link set docker0 up'
# Where MPI tries that address first its ranks never meet: then each host names the check and its bridge, after its patience ends.
if grep -q 'waited .* s for the other ranks to answer' "$work/err"; then
  cp "$work/err" "$work/out"
  expect interfaces 2 "node[01], rank [01]" "docker0 is a bridge: where other hosts have one with the same address 172.17.0.1"
else
  expect interfaces 1 "node0, node1" "docker0 has the same address 172.17.0.1 on 2 hosts"
fi

# 4. Mixed versions: of a library, and of Rensa's own files.
# shellcheck disable=SC2016
run 1,1 2 'on_node1 && export LD_PRELOAD=$FAULTS/libother_onednn.so'
expect versions 1 "node0, node1" "9.8.7 on node1"
mkdir "$work/other" && cp "$build/rensa" "$work/other/" && echo "another build" >>"$work/other/rensa"
# shellcheck disable=SC2016
run 1,1 2 'on_node1 && export RENSA_EXECUTABLE=$WORK/other/rensa'
expect versions 2 node "not the same files"

# 5. The thread level.
# shellcheck disable=SC2016
run 1,1 2 'on_node1 && export LD_PRELOAD=$FAULTS/libfewer_threads.so'
expect "thread level" 2 "node1, rank 1" MPI_THREAD_SERIALIZED

# 6. Threads times ranks.
run 1,2 3 "on_node1 && export OMP_NUM_THREADS=$cores"
expect "compute threads" 1 node1 "2 ranks compute with $((2 * cores)) threads"

# 7. Clock skew.
# shellcheck disable=SC2016
run 1,1 2 'export LD_PRELOAD=$FAULTS/libshifted_clock.so'
expect "clock skew" 1 "node1, rank 1" "its clock is 90 s ahead"

# 8. A library that one host lacks.
cmake --install "$build" --prefix "$work/tree" >/dev/null
lib=$(dirname "$(find "$work/tree" -name 'librensa_trainer.so' | head -n 1)")
cp -a "$lib" "$work/incomplete" && rm "$work/incomplete"/librensa_trainer.so*
unset RENSA_EXECUTABLE
export LIB=$lib CHECKED=$work/tree/bin/rensa-doctor
# shellcheck disable=SC2016
run 1,1 2 'on_node1 && mount --bind "$WORK/incomplete" "$LIB"'
expect libraries 2 node1 librensa_trainer.so
echo "all eight found"
