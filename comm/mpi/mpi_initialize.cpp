#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_start.h"
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

std::atomic<pid_t> starter = 0;  ///< the process whose MPI it is

void finalize_at_exit() {
  if (is_running()) MPI_Finalize();
}

}  // namespace

bool is_running() {
  if (starter != getpid()) return false;
  int finalized = 0;
  MPI_Finalized(&finalized);
  return !finalized;
}

int start() {
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
  pid_t nobody = 0;
  starter.compare_exchange_strong(nobody, getpid());
  return provided;
}

/// Open MPI and MPICH have a call outside the standard for it; other libraries need not.
std::string cuda_awareness() {
  void* const call = dlsym(RTLD_DEFAULT, "MPIX_Query_cuda_support");
  if (!call) return "unknown";
  return reinterpret_cast<int (*)()>(call)() ? "yes" : "no";
}

bool is_cuda_aware() {
  static const bool aware = [] {
    const char* const said = std::getenv("RENSA_CUDA_AWARE_MPI");
    const std::string word = said ? said : "";
    if (!word.empty() && word != "on" && word != "off") {
      throw ValueError("RENSA_CUDA_AWARE_MPI=", word, ": expected on or off.");
    }
    return word.empty() ? cuda_awareness() == "yes" : word == "on";
  }();
  return aware;
}

std::string thread_level_name(int level) {
  switch (level) {
    case MPI_THREAD_SINGLE:
      return "MPI_THREAD_SINGLE";
    case MPI_THREAD_FUNNELED:
      return "MPI_THREAD_FUNNELED";
    case MPI_THREAD_SERIALIZED:
      return "MPI_THREAD_SERIALIZED";
    case MPI_THREAD_MULTIPLE:
      return "MPI_THREAD_MULTIPLE";
    default:
      return "level " + std::to_string(level);
  }
}

void initialize() {
  const int level = start();
  if (level == MPI_THREAD_MULTIPLE) return;
  throw CommError("MPI runs at ", thread_level_name(level),
                  ", expected MPI_THREAD_MULTIPLE: gradients travel on a thread of",
                  " their own. A program that starts MPI itself must call MPI_Init_thread with that level; an MPI that",
                  " cannot give it must be built with threads.");
}

}  // namespace rensa::mpi
