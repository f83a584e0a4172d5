// An MPI that was built with less thread support: preloaded, it gives MPI_THREAD_SERIALIZED whatever is asked for.
#include <mpi.h>

extern "C" int MPI_Init_thread(int* argc, char*** argv, int /*required*/, int* provided) {
  const int status = PMPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, provided);
  *provided = MPI_THREAD_SERIALIZED;
  return status;
}

extern "C" int MPI_Query_thread(int* provided) {
  *provided = MPI_THREAD_SERIALIZED;
  return MPI_SUCCESS;
}
