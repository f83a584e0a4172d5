#pragma once

namespace rensa::tools {

/// `rensa bench NAME`: returns 0, 1 (failed) or 2 (wrong usage).
int bench_command(int argc, char** argv);

// Each measurement has a file of its own, tools/bench/<name>.cpp.
int bench_ops(int argc, char** argv);
int bench_convolution(int argc, char** argv);
int bench_step(int argc, char** argv);
int bench_gpu(int argc, char** argv);
int bench_overlap(int argc, char** argv);
int bench_reproducible(int argc, char** argv);
int bench_input(int argc, char** argv);
int bench_comm(int argc, char** argv);

}  // namespace rensa::tools
