#include "tools/doctor/check.h"

namespace rensa::tools::doctor {

/// Ranks that the launcher started and MPI does not see are the mark of a launcher that is not of the library's MPI:
/// each process then trains alone, and all write to the same files.
CheckResult check_launcher(const Facts& facts, const CheckOptions& /*options*/) {
  const RankFacts& first = facts.front();
  const std::string library =
      first.mpi_library.empty() ? "built without MPI" : first.mpi_library.substr(0, first.mpi_library.find(','));
  CheckResult result{"launcher", first.launcher.empty() ? "a plain start: one rank" : first.launcher};
  result.summary += "; " + library;
  if (first.launcher_size <= 1 || first.launcher_size == first.mpi_size) return result;
  const std::string started = first.launcher + " started " + std::to_string(first.launcher_size) + " ranks, ";
  if (first.mpi_library.empty()) {
    result.findings.push_back({Severity::kError, "all ranks", started + "but this Rensa was built without MPI",
                               "Install an MPI and configure with -DRENSA_WITH_MPI=ON."});
  } else {
    result.findings.push_back({Severity::kError, "all ranks",
                               started + "but MPI sees " + std::to_string(first.mpi_size) +
                                   ": the launcher is not of the MPI that Rensa was built with (" + library + ")",
                               "Start with that MPI's own mpiexec (Debian: mpirun.openmpi, mpiexec.mpich); under Slurm "
                               "with srun --mpi=pmix for Open "
                               "MPI, --mpi=pmi2 for MPICH."});
  }
  return result;
}

}  // namespace rensa::tools::doctor
