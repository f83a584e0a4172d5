# Sourced by tests that run the command on several ranks: $rensa, a folder $work that goes with the test, and what they ask of a log.
# shellcheck shell=bash disable=SC2034  # used by those tests
rensa=${RENSA_EXECUTABLE:?}
command -v mpirun >/dev/null || { echo "skipped: there is no mpirun"; exit 77; }
# shellcheck source=scripts/support/ranks.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/support/ranks.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; tail -n 20 "$work/log"; exit 1; }  # mpirun's own words take ten of them
same_losses() {  # FOLDER FOLDER WHAT: two runs ended with the same losses, digit for digit
  local key
  for key in main/loss validation/main/loss; do
    [ "$(value $key "$1/log")" = "$(value $key "$2/log")" ] || fail "$3: $key differs after resuming"
  done
}
