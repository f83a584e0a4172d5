#!/usr/bin/env bash
# Every shell script of scripts/ answers -h with its usage, before it does anything: here it could not, for want of programs.
set -euo pipefail
cd "${RENSA_SOURCE_DIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for program in bash awk cat dirname readlink; do ln -s "$(command -v $program)" "$work/bin/$program"; done

asked() {  # SCRIPT OPTION: says something, and ends with status 0
  local output status=0
  output=$(PATH=$work/bin bash "$1" "$2" 2>&1 </dev/null) || status=$?
  if [ $status -ne 0 ] || [ -z "$output" ]; then
    echo "$1 $2: expected status 0 and a usage, found status $status: $output"
    exit 1
  fi
}
count=0
while IFS= read -r script; do
  asked "$script" -h
  case $script in scripts/evidence/*) asked "$script" --help ;; esac
  count=$((count + 1))
done < <(find scripts -type f -perm -u+x -exec grep -lx '#!/usr/bin/env bash' {} +)
[ $count -gt 40 ] || { echo "only $count scripts were found"; exit 1; }
