#!/usr/bin/env bash
# The MPI tests across two emulated nodes with two ranks and across three with one: real TCP between them.
set -euo pipefail
build=${RENSA_BUILD_DIR:?}
source=${RENSA_SOURCE_DIR:?}
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
[ -x "$build/mpi_test" ] || { echo "skipped: built without MPI"; exit 77; }
mpirun --version | grep -q 'Open MPI) 4' || { echo "skipped: the emulation starts Open MPI 4's daemons"; exit 77; }
unshare --net --uts --ipc --mount true 2>/dev/null || { echo "skipped: namespaces are not allowed here"; exit 77; }
command -v ip >/dev/null || { echo "skipped: there is no iproute2"; exit 77; }
export OMP_NUM_THREADS=1
cd "$source"
scripts/netns_mpirun.sh -q -n 2 -s 2 -- -np 4 "$build/mpi_test" --gtest_filter='-MpiCommunicatorTest.KnowsItsNode' --gtest_brief=1
scripts/netns_mpirun.sh -q -n 3 -- -np 3 "$build/mpi_test" --gtest_filter='-MpiCommunicatorTest.KnowsItsNode' --gtest_brief=1
