#!/usr/bin/env bash
# The networks of docs/examples in their long form: the results that their first lines promise.
set -euo pipefail
build=${RENSA_BUILD_DIR:?"the build folder; ctest sets it"}
data=${RENSA_DATA:-}
[ -d "$data/text" ] || { echo "no data sets in \$RENSA_DATA"; exit 77; }
# shellcheck source=tests/support/reach.sh
source "$(dirname "$0")/../support/reach.sh"
reach seq2seq right above 0.95 "$build/example_seq2seq"
reach tagger accuracy above 0.96 "$build/example_tagger" "$data/text/tinyshakespeare.txt"
reach tree_lstm accuracy above 0.9 "$build/example_tree_lstm"
reach word2vec loss below 2.9 "$build/example_word2vec" "$data/text/ptb.train.txt"
reach vae bound above -245 "$build/example_vae" "$data/fashion-mnist"
reach dbm error below 0.13 "$build/example_dbm" "$data/fashion-mnist"
(cd "$work" && reach dcgan distance below 0.2 "$build/example_dcgan" "$data/fashion-mnist")
