#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/data_parallel_training.h"

namespace rensa::testing {

/// A way for gradients to travel, and how near to one process with the whole batch it must come.
struct Combination {
  std::string mode;
  ReducerOptions reducer;
  Dtype own;
  const char* travels;  ///< "": as they are
  double tolerance;     ///< of the losses, relative
};

/// Every dtype with every mode.
inline std::vector<Combination> all_combinations() {
  const auto with = [](ReducerOptions options) {
    options.first_bucket_bytes = 1000;
    options.bucket_bytes = 3000;
    return options;
  };
  const std::vector<std::pair<std::string, ReducerOptions>> modes = {
      {"overlap", with({})},
      {"no overlap", with({.overlap = false})},
      {"no zero_fill", with({.zero_fill = false})},
      {"carry_over", with({.carry_over = true})},
      {"double_buffering", with({.double_buffering = true})},
      {"zero 1", with({.zero = 1})},
      {"zero 2", with({.zero = 2})}};
  std::vector<Combination> all;
  for (const auto& [mode, options] : modes) {
    all.push_back({mode, options, Dtype::kFloat64, "", 1e-10});
    all.push_back({mode, options, Dtype::kFloat64, "float32", 1e-5});
    all.push_back({mode, options, Dtype::kFloat32, "", 1e-5});
    all.push_back({mode, options, Dtype::kFloat32, "float16", 1e-3});
    all.push_back({mode, options, Dtype::kFloat32, "bfloat16", 1e-2});
  }
  return all;
}

/// Trains with each of them on `comm`, and one process with the whole batch.
inline void expect_every_combination_trains_like_one_process(Communicator& comm, int steps) {
  DataParallelTask task = mlp_task();
  const std::string before = comm.config().get("allreduce_grad_dtype");
  for (const Combination& each : all_combinations()) {
    SCOPED_TRACE(detail::join(comm.name(), " of ", comm.size(), ", ", each.mode, ", ", each.own, " as ",
                              *each.travels ? each.travels : "it is"));
    task.reducer = each.reducer;
    comm.config().set("allreduce_grad_dtype", each.travels);
    expect_same_losses(train(task, comm, each.own, steps), train_alone(task, each.own, steps), each.tolerance);
  }
  comm.config().set("allreduce_grad_dtype", before);
}

}  // namespace rensa::testing
