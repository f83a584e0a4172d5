#!/usr/bin/env bash
# Every network of docs/examples that trains in seconds, or starts to, reaches what it must in its short form.
set -euo pipefail
build=${RENSA_BUILD_DIR:?"the build folder; ctest sets it"}
data=${RENSA_DATA:-}
[ -d "$data/text" ] || { echo "no data sets in \$RENSA_DATA"; exit 77; }
export OMP_NUM_THREADS=1  # small networks: other threads would mostly wait
# shellcheck source=tests/support/reach.sh
source "$(dirname "$0")/../support/reach.sh"
tables=$data/tabular
reach iris accuracy above 0.89 "$build/example_tabular" "$tables/iris.csv" classes
reach wine accuracy above 0.89 "$build/example_tabular" "$tables/wine.csv" classes
reach banknote accuracy above 0.96 "$build/example_tabular" "$tables/banknote_authentication.csv" classes 20
reach housing r2 above 0.7 "$build/example_tabular" "$tables/housing.csv" number
reach abalone r2 above 0.45 "$build/example_tabular" "$tables/abalone.csv" number 20
head -c 200000 "$data/text/tinyshakespeare.txt" >"$work/text"
reach char_lstm validation below 2.9 "$build/example_char_lstm" "$work/text" 60 64
reach gpt validation below 2.8 "$build/example_gpt" "$work/text" 200 2 64 64
"$build/example_gpt" "$work/text" 1 1 32 32 >"$work/log" 2>&1 && { echo "gpt: a size of 32 was taken"; exit 1; }
grep -q 'SIZE is 32; expected a multiple of 64' "$work/log" || { echo "gpt: the wrong size is not named"; cat "$work/log"; exit 1; }
reach ptb_lstm validation below 2000 "$build/example_ptb_lstm" "$data/text" 1 32 0 60000
reach tree_lstm accuracy above 0.5 "$build/example_tree_lstm" 300
reach seq2seq loss below 2.2 "$build/example_seq2seq" 250
for example in seq2seq tree_lstm; do
  "$build/example_$example" many >"$work/log" 2>&1 && { echo "$example: \"many\" steps were taken"; exit 1; }
  grep -q "usage: $example \[STEPS\]" "$work/log" || { echo "$example: no usage"; cat "$work/log"; exit 1; }
done
reach tagger accuracy above 0.85 "$build/example_tagger" "$work/text" 60
reach word2vec loss below 4.1 "$build/example_word2vec" "$data/text/ptb.valid.txt" 100
