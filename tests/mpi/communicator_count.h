#pragma once

namespace rensa::testing {

/// MPI communicators that this process has made and not freed since it began, counted by MPI's profiling interface.
int living_mpi_communicators();

}  // namespace rensa::testing
