# Functions that let a rank meet its fate and judge how the job ends. Sourced by tests and by scripts/evidence/3/fates.
# Needs $RENSA_BUILD_DIR and $RENSA_SOURCE_DIR; the launcher is $RENSA_MPIEXEC (mpirun).
mpirun=${RENSA_MPIEXEC:-mpirun}
# shellcheck source=scripts/support/ranks.sh
source "$RENSA_SOURCE_DIR/scripts/support/ranks.sh"
export OMP_NUM_THREADS=1
fate_limit_s=15       # for all ranks to end
fate_comm_timeout_s=5 # of the watchdog; silence too is death after 5 s

mpirun_on_one_host() { # RANKS COMMAND...
  local flags=(-n "$1")
  shift
  if "$mpirun" --version | grep -Eq 'Open MPI|OpenRTE|open-mpi'; then flags+=(--oversubscribe --bind-to none); fi
  exec "$mpirun" "${flags[@]}" "$@"
}

# Processes whose number is in OUT/pid.* and that have not ended. A zombie has.
living_ranks() { # OUT
  local file pid state
  for file in "$1"/pid.*; do
    pid=$(cat "$file" 2>/dev/null) || continue
    state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) || continue
    case $state in '' | Z | X) ;; *) echo "$pid" ;; esac
  done
}

# Whether the first line that names a culprit names the right one.
names_the_right_one() { # LINE NODES RANKS FATE RANK
  local line=$1 nodes=$2 ranks=$3 fate=$4 rank=$5 host
  case $fate in
    wrong_shape | wrong_dtype | skip)
      if [ "$ranks" -eq 2 ]; then
        [[ $line == *"rank 0 of 2 on"* && $line == *"rank 1 of 2 on"* ]]
        return
      fi
      ;;
    cut)
      host="node$((rank * nodes / ranks))"
      if [ "$nodes" -eq 2 ]; then host="node[01]"; fi
      [[ $line =~ ^rensa:\ ranks?\ [0-9and,\ ]+\ of\ $ranks\ on\ $host[:\ ] ]]
      return
      ;;
  esac
  [[ $line == "rensa: rank $rank of $ranks on "* ]]
}

# Runs one fate and prints what came of it in one line, with the log below it if that is not as it should be. Status 0 if
# all ranks ended in time, the job's status was not 0, and the culprit was named, once. Fate `cut` cuts the link of the
# rank's host.
run_fate() { # NODES SLOTS COMMUNICATOR FATE RANK STEP CALL WHEN
  local nodes=$1 slots=$2 communicator=$3 fate=$4 rank=$5 step=$6 call=$7 when=$8
  local ranks=$((nodes * slots)) out launcher status start ended='' line lines cluster problem='' _
  out=$(mktemp -d)
  local program=("$RENSA_BUILD_DIR/fate" "$out" "$communicator" "$fate_comm_timeout_s" "${fate/cut/none}" "$rank" "$step"
    "$call" "$when")
  if [ "$nodes" -eq 1 ]; then
    (mpirun_on_one_host "$ranks" "${program[@]}") >"$out/log" 2>&1 </dev/null &
  else
    "$RENSA_SOURCE_DIR/scripts/netns_mpirun.sh" -q -n "$nodes" -s "$slots" -- -np "$ranks" "${program[@]}" >"$out/log" 2>&1 </dev/null &
  fi
  launcher=$!
  for _ in $(seq 400); do
    [ -e "$out/struck" ] && break
    kill -0 $launcher 2>/dev/null || break
    sleep 0.1
  done
  if [ "$fate" = cut ]; then
    cluster=$(sed -n 's/^cluster: \([^ ]*\) .*/\1/p' "$out/log")
    "$RENSA_SOURCE_DIR/scripts/netns_mpirun.sh" --cut "$cluster" "node$((rank / slots))"
  fi
  start=$(date +%s%N)
  while [ $((($(date +%s%N) - start) / 1000000000)) -lt 30 ]; do
    if [ -z "$(living_ranks "$out")" ]; then
      ended=$((($(date +%s%N) - start) / 1000000))
      break
    fi
    sleep 0.05
  done
  for _ in $(seq 300); do # a launcher whose link is cut takes its own time
    kill -0 $launcher 2>/dev/null || break
    sleep 0.1
  done
  kill -0 $launcher 2>/dev/null && problem+=" the launcher hung;"
  kill $launcher 2>/dev/null
  wait $launcher
  status=$?
  tr -d '\0' <"$out/log" >"$out/said" # Open MPI 5's launcher ends messages of its own with a zero byte, before our line
  line=$(grep -m 1 '^rensa: ' "$out/said")
  lines=$(grep -c '^rensa: ' "$out/said")
  [ -e "$out/struck" ] || problem+=" the fate did not strike;"
  if [ -z "$ended" ]; then
    problem+=" ranks hung;"
    living_ranks "$out" | xargs -r kill -9 2>/dev/null
  elif [ "$ended" -gt $((fate_limit_s * 1000)) ]; then
    problem+=" ranks took too long;"
  fi
  [ $status -ne 0 ] || problem+=" status 0;"
  names_the_right_one "$line" "$nodes" "$ranks" "$fate" "$rank" || problem+=" wrong culprit;"
  [ "$lines" -eq 1 ] || problem+=" $lines lines;"
  echo "${nodes}x$slots $communicator: rank $rank, $fate $when call $call of step $step: ${ended:-?} ms${problem:+:$problem} | $line"
  if [ -n "$problem" ]; then sed 's/^/    /' "$out/said" | head -n 40; fi
  rm -rf "$out"
  [ -z "$problem" ]
}
