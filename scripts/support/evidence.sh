# Sourced first by scripts/evidence/*/*: -h and --help print the comment at the script's head. Otherwise the script goes on in the
# root of the tree, with scripts/support/ranks.sh.
# shellcheck shell=bash
case "${1:-}" in
  -h | --help)
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
    exit 0
    ;;
esac
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=scripts/support/ranks.sh
source scripts/support/ranks.sh
