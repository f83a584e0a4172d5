# Sourced by tests of programs that train: a working folder, and what a run must reach.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# reach NAME WORD below|above LIMIT COMMAND…: the number behind the last WORD of its output
reach() {
  local name=$1 word=$2 side=$3 limit=$4 found
  shift 4
  "$@" >"$work/log" 2>&1 </dev/null || { echo "$name failed:"; cat "$work/log"; exit 1; }
  found=$(grep -o "$word [-0-9.e+]*" "$work/log" | tail -n 1 | cut -d ' ' -f 2)
  awk -v a="$found" -v b="$limit" -v side="$side" 'BEGIN { exit !(a != "" && (side == "below" ? a < b : a > b)) }' ||
    { echo "$name: $word should be $side $limit, found $found"; cat "$work/log"; exit 1; }
  echo "$name: $word $found ($side $limit)"
}
