// The least that an all-reduce among ranks of one node costs: as many threads as ranks, each of which reads its part of
// every rank's array once, and writes the sum to every array once. No messages; one barrier before and one after.
//
//   reduction_kernel --ranks 2 [--min_bytes 4] [--max_bytes 67108864] … as mpi_all_reduce … [--pages huge|small|shared]
//
// --pages: private memory with large pages or without, or shared memory as processes would have it.
#include <sys/mman.h>

#include <barrier>
#include <chrono>
#include <functional>
#include <thread>

#include "benchmarks/rivals/sampling.h"

namespace {

// Compiled for several instruction sets, chosen at start: the limit is that of the machine.
#ifdef __x86_64__
#define WIDEST [[gnu::target_clones("default", "avx2", "avx512f")]]
#else
#define WIDEST
#endif

WIDEST void sum_two(float* __restrict a, float* __restrict b, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) a[i] = b[i] = a[i] + b[i];
}
WIDEST void sum_four(float* __restrict a, float* __restrict b, float* __restrict c, float* __restrict d,
                     std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) a[i] = b[i] = c[i] = d[i] = a[i] + b[i] + c[i] + d[i];
}

class Arrays {
 public:
  Arrays(int ranks, std::int64_t bytes, const std::string& pages) : bytes_(static_cast<std::size_t>(bytes)) {
    for (int r = 0; r < ranks; ++r) {
      const int kind = pages == "shared" ? MAP_SHARED : MAP_PRIVATE;
      void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) throw std::bad_alloc();
      madvise(memory, bytes_, pages == "huge" ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
      each.push_back(static_cast<float*>(memory));
    }
  }
  ~Arrays() {
    for (float* memory : each) munmap(memory, bytes_);
  }
  Arrays(const Arrays&) = delete;
  Arrays& operator=(const Arrays&) = delete;

  std::vector<float*> each;

 private:
  std::size_t bytes_;
};

/// Threads that run a piece of work together, again and again.
class Team {
 public:
  explicit Team(int ranks) : start_(ranks + 1), end_(ranks + 1) {
    for (int r = 0; r < ranks; ++r) {
      threads_.emplace_back([this, r] {
        for (start_.arrive_and_wait(); work_; start_.arrive_and_wait()) {
          work_(r);
          end_.arrive_and_wait();
        }
      });
    }
  }
  ~Team() {
    work_ = nullptr;
    start_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  void run(std::function<void(int)> work) {
    work_ = std::move(work);
    start_.arrive_and_wait();
    end_.arrive_and_wait();
  }

 private:
  std::barrier<> start_, end_;
  std::function<void(int)> work_;
  std::vector<std::thread> threads_;
};

void measure(const rivals::Sampling& sampling, int ranks, const std::string& pages) {
  Team team(ranks);
  for (const std::int64_t bytes : sampling.sizes()) {
    const std::int64_t count = std::max<std::int64_t>(1, bytes / 4);
    Arrays arrays(ranks, count * 4, pages);
    const std::vector<float*>& a = arrays.each;
    const auto part = [&](int r) { return count * r / ranks / 16 * 16; };
    const auto reduce = [&](int r) {
      const std::int64_t end = r + 1 == ranks ? count : part(r + 1);
      ranks == 2 ? sum_two(a[0], a[1], part(r), end) : sum_four(a[0], a[1], a[2], a[3], part(r), end);
    };
    team.run([&](int r) { std::fill_n(a[static_cast<std::size_t>(r)], count, static_cast<float>(r + 1)); });
    const auto timed = [&](int calls) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < calls; ++i) team.run(reduce);
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    const double first = timed(1);
    std::int64_t wrong = 0;
    for (const float* data : a) {
      wrong += count - std::count(data, data + count, static_cast<float>(ranks * (ranks + 1) / 2));
    }
    team.run([&](int r) { std::fill_n(a[static_cast<std::size_t>(r)], count, 0.0f); });
    const auto us = sampling.times_us(bytes, timed, first);
    rivals::print_line(("reduction_kernel " + pages).c_str(), ranks, count * 4, us, wrong);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  int ranks = 2;
  std::string pages = "huge";
  const auto sampling = rivals::read_arguments(argc, argv, [&](const std::string& key, const std::string& value) {
    if (key == "--ranks")
      ranks = std::stoi(value);
    else if (key == "--pages")
      pages = value;
    else
      return false;
    return true;
  });
  if (ranks != 2 && ranks != 4) throw std::runtime_error("--ranks: 2 or 4");
  measure(sampling, ranks, pages);
} catch (const std::exception& error) {
  std::fprintf(stderr, "reduction_kernel: %s\n", error.what());
  return 2;
}
