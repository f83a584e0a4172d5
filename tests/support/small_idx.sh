# Sourced by tests that need a data set at once.
# shellcheck shell=bash disable=SC2059  # bytes are made of numbers

# MNIST's format, tiny: COUNT grey pictures of 4 x 4 of three classes, each as bright as its class
idx() {  # FILE COUNT [SIDE [PIXELS]]: FILE-images-idx3-ubyte, FILE-labels-idx1-ubyte; PIXELS are those of the classes, "00 40 80"
  local i side=${3:-4} classes pixels
  read -r -a pixels <<<"${4:-00 40 80}"
  classes=${#pixels[@]}
  { printf '\x00\x00\x08\x03'; for i in "$2" "$side" "$side"; do printf "\\x00\\x00\\x00\\x$(printf %02x "$i")"; done
    for ((i = 0; i < $2; i++)); do printf "\\x${pixels[i % classes]}%.0s" $(seq $((side * side))); done; } >"$1-images-idx3-ubyte"
  { printf '\x00\x00\x08\x01\x00\x00\x00'; printf "\\x$(printf %02x "$2")"; for ((i = 0; i < $2; i++)); do printf "\\x0$((i % classes))"; done; } >"$1-labels-idx1-ubyte"
}

small_idx_folder() {  # FOLDER TRAINING TEST [SIDE [PIXELS]]: a new folder of so many pictures
  mkdir "$1"
  idx "$1/train" "$2" "${@:4}"
  idx "$1/t10k" "$3" "${@:4}"
}
