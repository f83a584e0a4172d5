#include <cstdlib>

#include "comm/mpi/mpi_communicator.h"
#include "core/error.h"

namespace rensa::mpi {

void check(int code, const char* call, const std::source_location& where) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw CommError(call, ": ", text, " (", where.file_name(), ":", where.line(), ")");
}

namespace {
void finalize_at_exit() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Finalize();
}
}  // namespace

void initialize() {
  int initialized = 0, finalized = 0, provided = 0;
  check(MPI_Finalized(&finalized), "MPI_Finalized");
  if (finalized) throw CommError("MPI was finalized already. Create communicators before MPI_Finalize.");
  check(MPI_Initialized(&initialized), "MPI_Initialized");
  if (initialized) {
    check(MPI_Query_thread(&provided), "MPI_Query_thread");
  } else {
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
    std::atexit(finalize_at_exit);
  }
  if (provided < MPI_THREAD_MULTIPLE) {
    throw CommError("MPI was started without MPI_THREAD_MULTIPLE (level ", provided, ", expected ",
                    MPI_THREAD_MULTIPLE, "). Call MPI_Init_thread with it before creating communicators.");
  }
}

}  // namespace rensa::mpi
