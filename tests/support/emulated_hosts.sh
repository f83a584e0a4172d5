# Sourced by tests on emulated hosts; they skip, saying why, where there can be none. $build and $source as ctest names them.
# shellcheck shell=bash
build=${RENSA_BUILD_DIR:?}
source=${RENSA_SOURCE_DIR:?}

skip() {
  echo "skipped: $*"
  exit 77
}

needs_emulated_hosts() {  # FILE: what a build with MPI has
  [ "$(id -u)" = 0 ] || skip "needs root"
  [ -x "$build/$1" ] || skip "built without MPI"
  unshare --net --uts --ipc --mount true 2>/dev/null || skip "namespaces are not allowed here"
  command -v ip >/dev/null || skip "there is no iproute2"
}
