#include "tools/bench_command.h"

#include <array>
#include <iostream>
#include <string>
#include <string_view>

#include "core/error.h"
#include "tools/options/wrong_usage.h"

namespace rensa::tools {
namespace {

struct Benchmark {
  std::string_view name, purpose;
  int (*run)(int argc, char** argv);
};

constexpr std::array kBenchmarks = {
    Benchmark{"ops", "overhead of an operation, forward and backward, on tiny arrays", bench_ops},
    Benchmark{"convolution", "a convolution and its two gradients", bench_convolution},
    Benchmark{"gpu", "a GPU's copies, products and kernels, against its bandwidth", bench_gpu},
    Benchmark{"step", "a training step of a network on made-up data", bench_step},
    Benchmark{"overlap", "gradients that travel behind backward, against the best schedule", bench_overlap},
    Benchmark{"reproducible", "what the same bits on any number of ranks cost", bench_reproducible},
    Benchmark{"input", "photographs to samples: decode, crop, resize, normalize", bench_input},
    Benchmark{"comm", "collectives between ranks, in nccl-tests' columns", bench_comm},
};

void print_usage(std::ostream& out) {
  out << "usage: rensa bench NAME [--key value …], rensa bench NAME --help\n\n";
  for (const Benchmark& b : kBenchmarks) {
    out << "  " << b.name << std::string(13 - b.name.size(), ' ') << b.purpose << '\n';
  }
}

}  // namespace

int bench_command(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    print_usage(std::cout);
    return 0;
  }
  for (const Benchmark& b : kBenchmarks) {
    if (b.name != name) continue;
    try {
      return b.run(argc - 1, argv + 1);
    } catch (const ConfigError& error) {
      return wrong_usage("bench " + std::string(name), error);
    }
  }
  if (!name.empty()) std::cerr << "rensa bench: there is no \"" << name << "\".\n\n";
  print_usage(std::cerr);
  return 2;
}

}  // namespace rensa::tools
