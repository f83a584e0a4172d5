# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # shared with the script that sources this
# How each MPI's launcher is told to reach emulated hosts: sourced by scripts/netns_mpirun.sh.  Expects $dir, $patience_s.
# Everything is a default: environment and command line override it.

launcher_kind() {  # COMMAND: openmpi4, openmpi5 or hydra
  local version
  version=$("$1" --version 2>&1 | head -n 5) || true
  case "$version" in
    *"(Open MPI) 4"* | *OpenRTE*) echo openmpi4 ;;
    *"(Open MPI)"* | *PRRTE* | *prterun*) echo openmpi5 ;;
    *HYDRA*) echo hydra ;;
    *) die "$1 is no launcher of Open MPI or MPICH (its --version says: ${version:-nothing})" ;;
  esac
}

default() {  # NAME VALUE: exports it unless it is set
  if [[ -z ${!1+set} ]]; then export "$1=$2"; fi
}

# Hosts that are not heard of for $patience_s seconds are lost: three questions without an answer. The first is asked after one
# second of silence already, because how long before the cut the last word came would otherwise shorten the patience.
keepalive() {  # PREFIX
  [[ $patience_s -gt 0 ]] || return 0
  local interval=$(((patience_s - 1) / 3))
  default "$1_oob_tcp_keepalive_time" 1
  default "$1_oob_tcp_keepalive_intvl" $((interval > 0 ? interval : 1))
  default "$1_oob_tcp_keepalive_probes" 3
}

# Several "hosts" share a few cores: no binding, and ranks that wait yield.
prepare_ranks() {  # of Open MPI 4 and 5
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  default OMPI_MCA_mpi_yield_when_idle 1
  default OMPI_MCA_btl "tcp,$1,self"
  default OMPI_MCA_pml ob1
}

prepare_openmpi4() {
  prepare_ranks vader
  export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent=$dir/agent OMPI_MCA_orte_default_hostfile=$dir/hostfile
  default OMPI_MCA_hwloc_base_binding_policy none
  keepalive OMPI_MCA
  launch=("$mpirun" --mca orte_tmpdir_base "$dir/node0/tmp")
}

prepare_openmpi5() {
  prepare_ranks sm
  export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export PRTE_MCA_plm=ssh PRTE_MCA_plm_ssh_agent=$dir/agent PRTE_MCA_prte_default_hostfile=$dir/hostfile
  default PRTE_MCA_hwloc_default_binding_policy none
  default PRTE_MCA_rmaps_default_mapping_policy slot:oversubscribe
  keepalive PRTE_MCA
  default PRTE_MCA_prte_tmpdir_base "$dir/node0/tmp"
  launch=("$mpirun")
}

prepare_hydra() {
  sed 's/ slots=/:/' "$dir/hostfile" >"$dir/hydra_hosts"
  # UCX takes hosts with one boot number for one host, and would share memory between them
  default UCX_TLS tcp,self
  default UCX_NET_DEVICES eth0
  launch=("$mpirun" -launcher rsh -launcher-exec "$dir/agent" -f "$dir/hydra_hosts" -iface eth0 -bind-to none)
}
