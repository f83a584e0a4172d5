# Sourced by tests that need a data set at once.
# shellcheck shell=bash disable=SC2059  # bytes are made of numbers

# MNIST's format, tiny: COUNT grey pictures of 4 x 4 of three classes, each as bright as its class
idx() {  # FILE COUNT: FILE-images-idx3-ubyte, FILE-labels-idx1-ubyte
  local i
  { printf '\x00\x00\x08\x03\x00\x00\x00'; printf "\\x$(printf %02x "$2")"; printf '\x00\x00\x00\x04\x00\x00\x00\x04'
    for ((i = 0; i < $2; i++)); do printf "\\x$((i % 3 * 4))0%.0s" $(seq 16); done; } >"$1-images-idx3-ubyte"
  { printf '\x00\x00\x08\x01\x00\x00\x00'; printf "\\x$(printf %02x "$2")"; for ((i = 0; i < $2; i++)); do printf "\\x0$((i % 3))"; done; } >"$1-labels-idx1-ubyte"
}

small_idx_folder() {  # FOLDER TRAINING TEST: a new folder of so many pictures
  mkdir "$1"
  idx "$1/train" "$2"
  idx "$1/t10k" "$3"
}
