#!/usr/bin/env bash
# scripts/run_on_hosts with stubs in place of launchers: all hosts of the file, and a printed command that does what it says.
set -euo pipefail
run_on_hosts=${RENSA_SOURCE_DIR:?}/scripts/run_on_hosts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
launcher() {  # NAME VERSION: prints its arguments, one a line
  # shellcheck disable=SC2016  # expanded by the stub
  printf '#!/bin/sh\n[ "$*" != --version ] || { echo "%s"; exit; }\nprintf "%%s\\n" "$@"\n' "$2" >"$work/$1"
  chmod +x "$work/$1"
}
launcher openmpi4 'mpirun (Open MPI) 4.1.4'
launcher openmpi5 'mpirun (Open MPI) 5.0.7'
launcher mpich 'HYDRA build details:'
for variable in ${!RENSA_*} ${!OMPI_*} ${!PRTE_*} OMP_NUM_THREADS LD_LIBRARY_PATH; do unset "$variable"; done

expect() {  # HOSTS OF-THE-LAUNCHER LAUNCHER: these words of its own, then the program's
  "$run_on_hosts" -m "$work/$3" "$work/hosts" prog --snapshot '1 epoch' >"$work/run"
  "$run_on_hosts" -p -m "$work/$3" "$work/hosts" prog --snapshot '1 epoch' >"$work/command"
  bash "$work/command" >"$work/printed"
  cmp -s "$work/run" "$work/printed" || { echo "$3: run: $(cat "$work/run"); printed: $(cat "$work/command")"; exit 1; }
  grep -qxF -- "$1" "$work/run" && grep -qxF -- "$2" "$work/run" && grep -qxF '1 epoch' "$work/run" && return
  echo "$3: expected $1 and $2, found:"
  cat "$work/run"
  exit 1
}
for mpi in openmpi4 openmpi5 mpich; do
  printf '# two hosts\nalpha slots=2\n\nbeta:4' >"$work/hosts"
  expect alpha:2,beta:4 6 $mpi
  printf 'alpha\nbeta' >"$work/hosts"
  expect alpha:1,beta:1 2 $mpi
done
"$run_on_hosts" -p -k 13 -m "$work/openmpi4" "$work/hosts" prog | grep '^OMPI_MCA_oob_tcp_keepalive_intvl=4 ' >/dev/null ||
  { echo "the printed command does not give up hosts that are silent"; exit 1; }
