#!/usr/bin/env bash
# Installs the build, moves the installed tree somewhere else, and builds and runs a project of its own against it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${RENSA_BUILD_DIR:?"the build folder to install; ctest sets it"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

setting() { sed -n -E "s|^$1:[A-Z]+=(.*)|\\1|p" "$build/CMakeCache.txt"; }
sanitizer=$(setting RENSA_SANITIZE)
link=()
if [[ $sanitizer == *address* ]]; then  # Open MPI's plug-ins stay loaded, so that the leak report can name them
  "$(setting CMAKE_CXX_COMPILER)" -c "$here/../../scripts/sanitizers/keep_modules_loaded.cpp" -o "$work/keep_modules_loaded.o"
  link=("-DCMAKE_EXE_LINKER_FLAGS=$work/keep_modules_loaded.o -Wl,--export-dynamic-symbol=dlclose")
fi

cmake --install "$build" --prefix "$work/first" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
mv "$work/first" "$work/moved"  # the tree must not know where it was installed
# It does know its MPI: another comes first on the PATH.
mkdir "$work/another_mpi"
for program in mpicxx mpiexec; do
  printf '#!/bin/sh\nexec %s "$@"\n' "$(command -v $program || echo false)" >"$work/another_mpi/$program"
  chmod +x "$work/another_mpi/$program"
done
PATH=$work/another_mpi:$PATH cmake -S "$here" -B "$work/build" -G "$(setting CMAKE_GENERATOR)" -DCMAKE_PREFIX_PATH="$work/moved" \
  -DCMAKE_CXX_COMPILER="$(setting CMAKE_CXX_COMPILER)" -DCMAKE_CXX_COMPILER_LAUNCHER="$(setting CMAKE_CXX_COMPILER_LAUNCHER)" \
  -DCMAKE_CXX_FLAGS="${sanitizer:+-fsanitize=$sanitizer}" "${link[@]}"
if grep "^MPI_.*=$work/another_mpi/mpicxx" "$work/build/CMakeCache.txt"; then echo "another MPI than the build's was taken" >&2; exit 1; fi
cmake --build "$work/build"
"$work/build/consumer" "$work/out"
[ "$("$work/build/inference" | wc -w)" -eq 12 ] || { echo "inference: expected 12 answers" >&2; exit 1; }
if "$work/build/pictures" "$work/nowhere"; then echo "pictures: a missing folder must be refused" >&2; exit 1; fi
if [ -d "${RENSA_DATA:-}/images/train" ]; then
  "$work/build/pictures" "$RENSA_DATA/images/train" | tail -n 1
else
  echo "left out: pictures, for want of ${RENSA_DATA:-\$RENSA_DATA}/images/train"
fi

# The distributed program is the single-process one with four lines changed, and the headers they need.
examples=$here/../../docs/examples
changed=$(diff "$examples/mnist/main.cpp" "$examples/mnist_distributed/main.cpp" | grep '^>' | grep -v -c -e '#include' -e '^> //') || true
[ "$changed" -eq 4 ] || { echo "mnist_distributed differs from mnist in $changed lines, expected 4" >&2; exit 1; }
data=${RENSA_DATA:-}/fashion-mnist
[ -d "$data" ] || { echo "skipped: mnist and mnist_distributed, for want of $data; the rest passed"; exit 77; }
judge() {  # COMMAND…: a network that learnt nothing gets 0.1 right
  local answer
  answer=$("$@" "$data" 1 </dev/null)
  awk -v a="${answer#accuracy }" 'BEGIN { exit !(a > 0.75) }' || { echo "$*: expected an accuracy above 0.75, found $answer" >&2; exit 1; }
}
judge "$work/build/mnist"
judge "$work/build/mnist_distributed"  # one rank alone is an ordinary case
if [ "$(setting RENSA_WITH_MPI)" != OFF ] && command -v mpirun >/dev/null; then
  flags=(--oversubscribe --bind-to none)
  mpirun --version 2>&1 | grep 'Open MPI' >/dev/null || flags=(-bind-to none)
  export OMP_NUM_THREADS=1  # two ranks share the cores
  judge mpirun "${flags[@]}" -n 2 "$work/build/mnist_distributed"
fi
