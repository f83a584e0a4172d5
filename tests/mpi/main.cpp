#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>

#include "comm/mpi/mpi_communicator.h"

// All ranks run the same tests in the same order. A rank that fails keeps the others company to the end, and the job's
// status is the worst one.
int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  rensa::mpi::initialize();
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (rank != 0) {
    // Other ranks speak only of their failures.
    class Failures : public ::testing::EmptyTestEventListener {
     public:
      explicit Failures(int r) : rank_(r) {}
      void OnTestPartResult(const ::testing::TestPartResult& result) override {
        if (!result.failed()) return;
        std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name() ? result.file_name() : "?",
                     result.line_number(), result.message());
      }

     private:
      int rank_;
    };
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new Failures(rank));
  }
  int status = RUN_ALL_TESTS(), worst = 0;
  MPI_Allreduce(&status, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return worst;
}
