#pragma once

#include <functional>
#include <string>

namespace rensa {

/// What the environment says about who started this process. Nothing of it needs MPI.
struct Launcher {
  std::string name;  ///< "Open MPI", "Hydra" (MPICH), "Slurm", "PMIx", "PMI"; empty: a plain start
  int rank = 0;
  int size = 1;        ///< -1: the launcher does not say
  int local_rank = 0;  ///< among the ranks of this host
  int local_size = 1;  ///< -1: the launcher does not say

  bool started_ranks() const { return !name.empty(); }  ///< whether one of the known launchers started the process
};

/// Looks a variable up; null if it is not set.
using Environment = std::function<const char*(const char* name)>;

/// Reads the launcher's marks in the environment.
///
/// An mpirun inside a Slurm job leaves both marks: mpirun's count, because Slurm's number its daemons then. A job
/// script of Slurm is a plain start although SLURM_NTASKS is set: only srun makes ranks. A mark that is no number is
/// left out.
Launcher detect_launcher(const Environment& environment);
Launcher detect_launcher();  ///< of this process

/// How many tasks node number `node` has in Slurm's list, such as "2(x3),1"; -1 if the list does not say.
int slurm_tasks_of_node(const std::string& list, int node);

}  // namespace rensa
