# Sourced by scripts and tests that train on several ranks: what mpirun must be told, and what is asked of a log.
# shellcheck shell=bash

# Open MPI refuses root unless told twice, and a fresh machine or a container has nobody else.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1

value() {  # KEY LOG: the number in the log's last entry that has the key
  sed -n -E "s|.*\"$1\": *([0-9.eE+-]+).*|\1|p" "$2" | tail -n 1
}
