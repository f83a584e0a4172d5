#!/usr/bin/env bash
# A process that replaces a file is killed at each system call that it makes, one after the other: afterwards the file is the old
# one or the new one, whole. So it is when the disk fills up or the folder cannot be written to.
set -euo pipefail
saver=${RENSA_BUILD_DIR:?}/saver
command -v strace >/dev/null || { echo "skipped: there is no strace"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strace -o "$work/probe" true 2>/dev/null || { echo "skipped: strace may not trace here"; exit 77; }
export OMP_NUM_THREADS=1

"$saver" save "$work/file" 1
strace -f -c -o "$work/counts" "$saver" save "$work/other" 2
calls=$(awk '$NF == "total" { print $(NF - 2) ~ /^[0-9]+$/ ? $(NF - 2) : $(NF - 1) }' "$work/counts")
[ "$calls" -gt 50 ] || { echo "strace counted $calls calls"; cat "$work/counts"; exit 1; }
old=0 new=0
for call in $(seq 1 "$calls"); do
  "$saver" save "$work/file" 1
  strace -f -o /dev/null -e inject=all:signal=KILL:when="$call" "$saver" save "$work/file" 2 >/dev/null 2>&1 || true
  found=$("$saver" check "$work/file") || { echo "killed at call $call: the file is damaged: $found"; exit 1; }
  case "$found" in
    1) old=$((old + 1)) ;;
    2) new=$((new + 1)) ;;
    *) echo "killed at call $call: found $found"; exit 1 ;;
  esac
done
echo "killed at $calls calls: $old times the old file, $new times the new one"
[ $old -gt 50 ] && [ $new -gt 0 ]
