#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/array/array.h"
#include "core/links/link.h"

namespace rensa::tools {

/// A batch of the shape that a network takes; its contents mean nothing.
struct MadeUpTask {
  Shape sample;  ///< of one input
  std::int64_t classes;
  Array x, t;
};

/// What made_up_task and made_up_model take: the networks for pictures, and gpt (4 layers of 256, windows of 256
/// tokens).
std::vector<std::string> made_up_names();

/// `classes` = 0: 1000 for the residual networks, 65 tokens for gpt, otherwise 10. mlp takes 784 numbers.
MadeUpTask made_up_task(const std::string& model, std::int64_t batch, std::int64_t image_size,
                        std::int64_t classes = 0);

/// The network for the task.
std::unique_ptr<UnaryLink> made_up_model(const std::string& model, const MadeUpTask& task,
                                         Dtype dtype = Dtype::kFloat32);

}  // namespace rensa::tools
