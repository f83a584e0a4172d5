#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>

#include "comm/mpi/mpi_communicator.h"
#include "tests/support/all_skipped.h"

// All ranks run the same tests in the same order. A rank that fails keeps the others company to the end, and the job's
// status is the worst one. The job was skipped if every rank skipped all.
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
  const int status = RUN_ALL_TESTS();
  struct Outcome {
    int status, tested;
  };
  const Outcome mine{status, rensa::testing::all_were_skipped() ? 0 : 1};
  Outcome worst{};
  MPI_Allreduce(&mine, &worst, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  if (rank == 0 && worst.status == 0 && worst.tested == 0) rensa::testing::say_that_all_were_skipped();
  return worst.status;
}
