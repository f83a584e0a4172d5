#include <omp.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/functions/arithmetic.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

struct OpsOptions {
  int length = 1000, size = 8, repeats = 20;
  bool json = false;
};

struct Chain {
  const char* name;
  Variable (*operation)(const Variable& y, const Variable& x);
};

// Those of benchmarks/rivals/pytorch_op_overhead.py.
constexpr Chain kChains[] = {
    {"add", [](const Variable& y, const Variable& x) { return y + x; }},
    {"mul", [](const Variable& y, const Variable& x) { return y * x; }},
    {"mul_constant", [](const Variable& y, const Variable&) { return y * 0.999; }},
};

void run_chain(const Chain& chain, const Variable& x, const Variable& gy, int length) {
  Variable y = x;
  for (int i = 0; i < length; ++i) y = chain.operation(y, x);
  y.set_grad(gy);
  y.backward();
}

Samples ns_per_operation(const Chain& chain, const OpsOptions& o) {
  Variable x(ones({o.size}), /*requires_grad=*/true);
  const Variable gy(ones({o.size}));
  return measure(/*warmup=*/3, o.repeats,
                 [&] {
                   x.clear_grad();
                   run_chain(chain, x, gy, o.length);
                 })
      .times(1e9 / o.length);
}

}  // namespace

int bench_ops(int argc, char** argv) {
  OpsOptions o;
  OptionTable table(
      "usage: rensa bench ops [--key value …]\n\nForward and backward of a chain of element-wise operations.");
  table.add("length", o.length, "operations in the chain", {.min = 1});
  table.add("size", o.size, "floats in each array", {.min = 1});
  table.add("repeats", o.repeats, "measurements", {.min = 1});
  table.add("json", o.json, "prints one line of JSON");
  if (!table.parse(argc, argv, std::cout)) return 0;
  omp_set_num_threads(1);
  for (const Chain& chain : kChains) {
    const Samples ns = ns_per_operation(chain, o);
    if (o.json) {
      print_json_line({{"operation", chain.name},
                       {"us_per_op", ns.median() / 1e3},
                       {"min", ns.smallest() / 1e3},
                       {"max", ns.largest() / 1e3}});
    } else {
      std::cout << chain.name << ": " << ns.median() << " ns for an operation, forward and backward together ("
                << ns.smallest() << " to " << ns.largest() << ")\n";
    }
  }
  return 0;
}

}  // namespace rensa::tools
