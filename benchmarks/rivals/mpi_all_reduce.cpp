// A plain MPI_Allreduce in place, float32, sum: what `rensa bench comm` is compared with. Open MPI's settings are given
// to mpirun: none for its defaults, or --mca coll_tuned_use_dynamic_rules 1 --mca coll_tuned_allreduce_algorithm 5 …
//
//   mpirun -n 2 mpi_all_reduce [--min_bytes 4] [--max_bytes 67108864] [--step_factor 4] [--iterations 20] [--warmup 5]
//                              [--max_seconds 0] [--huge_pages 0]
//
// --huge_pages 1 asks for large pages for the data, which Open MPI copies faster (madvise).
#include <mpi.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>

#include "benchmarks/rivals/sampling.h"

namespace {

class Floats {
 public:
  Floats(std::int64_t count, bool huge_pages) : count_(static_cast<std::size_t>(count)) {
    const std::size_t align = huge_pages ? std::size_t{2} << 20 : 64;
    const std::size_t bytes = (count_ * sizeof(float) + align - 1) / align * align;
    data_.reset(static_cast<float*>(std::aligned_alloc(align, bytes)));
    if (!data_) throw std::bad_alloc();
    if (huge_pages) madvise(data_.get(), bytes, MADV_HUGEPAGE);
  }
  float* data() { return data_.get(); }
  void fill(float value) { std::fill_n(data_.get(), count_, value); }
  std::int64_t differing_from(float value) const {
    return static_cast<std::int64_t>(count_) - std::count(data_.get(), data_.get() + count_, value);
  }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::size_t count_;
  std::unique_ptr<float, Free> data_;
};

void measure(const rivals::Sampling& sampling, bool huge_pages) {
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (const std::int64_t bytes : sampling.sizes()) {
    const std::int64_t count = std::max<std::int64_t>(1, bytes / 4);
    Floats data(count, huge_pages);
    data.fill(static_cast<float>(rank + 1));
    const auto timed = [&](int calls) {
      MPI_Barrier(MPI_COMM_WORLD);
      const double start = MPI_Wtime();
      for (int i = 0; i < calls; ++i) {
        MPI_Allreduce(MPI_IN_PLACE, data.data(), static_cast<int>(count), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
      }
      double seconds = MPI_Wtime() - start;
      MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      return seconds;
    };
    const double first = timed(1);
    std::int64_t wrong = data.differing_from(static_cast<float>(size) * static_cast<float>(size + 1) / 2);
    MPI_Allreduce(MPI_IN_PLACE, &wrong, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    data.fill(0);
    const auto us = sampling.times_us(bytes, timed, first);
    if (rank == 0) rivals::print_line("mpi_all_reduce", size, count * 4, us, wrong);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool huge_pages = false;
  MPI_Init(&argc, &argv);
  try {
    measure(rivals::read_arguments(argc, argv,
                                   [&](const std::string& key, const std::string& value) {
                                     huge_pages = value == "1";
                                     return key == "--huge_pages";
                                   }),
            huge_pages);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mpi_all_reduce: %s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  MPI_Finalize();
}
