# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # shared with the script that sources this
# Emulated hosts: sourced by scripts/netns_mpirun.sh.  Expects $dir, the cluster's folder.
#
# A host is a process that holds a network, UTS (host name), IPC and mount namespace: its own interfaces, /etc/hosts,
# /dev/shm and /sys.  Hosts are joined by veth pairs to a bridge in a namespace of its own, "switch", so nothing is added
# to the machine's network.  $dir/NODE/ has pid (of the holder), netns and tmp.
subnet=10.77.0

enter() {  # NODE_DIR COMMAND...: becomes COMMAND inside the host, in the same folder
  local node=$1
  shift
  exec nsenter --target "$(cat "$node/pid")" --net --uts --ipc --mount --root --wdns="$PWD" -- "$@"
}

inside() {  # NODE COMMAND...: runs it inside the host
  local node=$dir/$1
  shift
  nsenter --target "$(cat "$node/pid")" --net --uts --ipc --mount --root --wdns=/ -- "$@"
}

pids_in() {  # NODE_DIR: every process in the host's network namespace, never the caller's own
  local want process
  want=$(cat "$1/netns" 2>/dev/null) || return 0
  [[ $want == net:* && $want != "$(readlink /proc/self/ns/net)" ]] || return 0
  for process in /proc/[0-9]*; do
    if [[ "$(readlink "$process/ns/net" 2>/dev/null)" == "$want" ]]; then echo "${process#/proc/}"; fi
  done
}

kill_work() {  # NODE_DIR: everything in the host but the process that holds it
  local process holder
  holder=$(cat "$1/pid")
  for process in $(pids_in "$1"); do
    [[ $process == "$holder" ]] || kill -9 "$process" 2>/dev/null || true
  done
}

hold() {  # NAME: starts the process that holds a host's namespaces
  local node=$dir/$1
  mkdir -p "$node/tmp"
  # shellcheck disable=SC2016  # $1 and $2 belong to the inner shell
  unshare --net --uts --ipc --mount --propagation private -- sh -c '
    : >>/etc/hosts
    hostname "$1" && mount -t tmpfs -o size=4g shm /dev/shm && mount -t sysfs sysfs /sys &&
    mount --bind "$2/hosts" /etc/hosts && ip link set lo up && : >"$2/$1/ready" && exec sleep infinity
  ' hold "$1" "$dir" </dev/null >/dev/null &
  echo $! >"$node/pid"
  disown $!
  for _ in $(seq 500); do
    [[ -e $node/ready ]] && break
    sleep 0.02
  done
  [[ -e $node/ready ]] || die "could not make the namespaces of $1"
  readlink "/proc/$(cat "$node/pid")/ns/net" >"$node/netns"
}

shape() {  # NODE RATE DELAY LOSS: of what the host sends; empty: as it is
  if [[ -n $3 ]]; then
    inside "$1" tc qdisc add dev eth0 root netem limit 20000 delay "$3" ${2:+rate "$2"} ||
      die "-d needs a kernel with netem (CONFIG_NET_SCH_NETEM)"
  elif [[ -n $2 ]]; then
    inside "$1" tc qdisc add dev eth0 root tbf rate "$2" burst 256kb latency 50ms
  fi
  if [[ -n $4 ]]; then
    inside "$1" nft "add table inet loss; add chain inet loss out { type filter hook output priority 0; };
      add rule inet loss out oifname eth0 numgen random mod 1000 < $4 drop" || die "-l needs nftables"
  fi
}

make_hosts() {  # SLOTS... (one for each host) with $rate, $delay, $loss, $patience_s
  local k=0 count
  echo "127.0.0.1 localhost" >"$dir/hosts"
  for count in "$@"; do
    echo "$subnet.$((k + 1)) node$k" >>"$dir/hosts"
    echo "node$k slots=$count" >>"$dir/hostfile"
    k=$((k + 1))
  done
  hold switch
  inside switch ip link add br0 type bridge
  inside switch ip link set br0 up
  for ((k = 0; k < $#; k++)); do
    hold "node$k"
    inside switch ip link add "port$k" type veth peer name eth0 netns "$(cat "$dir/node$k/pid")"
    inside switch ip link set "port$k" master br0 up
    inside "node$k" ip addr add "$subnet.$((k + 1))/24" dev eth0
    inside "node$k" ip link set eth0 up
    if [[ $patience_s -gt 0 ]]; then
      # data that nobody acknowledges: the connection ends after some 2 + 4 + ... seconds instead of a quarter of an hour
      inside "node$k" sh -c "echo 5 >/proc/sys/net/ipv4/tcp_retries2"
    fi
    shape "node$k" "$rate" "$delay" "$loss"
  done
}

print_traffic() {  # NODES
  local k counters
  for ((k = 0; k < $1; k++)); do
    counters=/sys/class/net/eth0/statistics
    echo "node$k eth0: rx $(inside "node$k" cat $counters/rx_bytes) tx $(inside "node$k" cat $counters/tx_bytes) bytes" >&2
  done
}

remove_hosts() {
  local node
  for node in "$dir"/*/; do
    if [[ -s ${node}pid ]]; then kill_work "${node%/}"; fi
  done
  for node in "$dir"/*/; do
    if [[ -s ${node}pid ]]; then kill -9 "$(cat "${node}pid")" 2>/dev/null || true; fi
  done
  for node in "$dir"/*/; do  # namespaces vanish with their last process
    while [[ -s ${node}pid && -d /proc/$(cat "${node}pid") ]]; do sleep 0.01; done
  done
  rm -rf --one-file-system "$dir"
}
