#!/usr/bin/env bash
# Every file of configs/ starts with a comment and is accepted as it is; the help lists every key with its default.
set -uo pipefail
rensa=${RENSA_EXECUTABLE:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
complain() { echo "$*"; failures=$((failures + 1)); }

"$rensa" train --help >"$work/help" || complain "rensa train --help failed"
count=0
for config in "${RENSA_SOURCE_DIR:?}"/configs/*.cfg; do
  count=$((count + 1))
  head -n 1 "$config" | grep -q '^# ' || complain "$config: the first line is no comment"
  output=$("$rensa" train --config "$config" --data "$work/none" --out "$work/out" 2>&1)
  status=$?
  # every key was understood: only the data is missing
  [ $status -eq 1 ] && grep -qF "$work/none: there is no such folder" <<<"$output" || complain "$config: status $status: $output"
  while read -r key; do
    grep -Eq -- "^  --$key \(=[^)]+\)" "$work/help" || complain "$config: $key is not in the help with a default"
  done < <(sed -n -E 's/^([a-z_]+) *=.*/\1/p' "$config")
done
[ $count -ge 6 ] || complain "only $count configurations were found"
exit $((failures > 0))
