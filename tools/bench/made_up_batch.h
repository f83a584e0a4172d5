#pragma once

#include <cstdint>
#include <string>

#include "core/array/array.h"

namespace rensa::tools {

/// A batch of the shape that a network takes; its contents mean nothing.
struct MadeUpTask {
  Shape sample;  ///< of one input
  std::int64_t classes;
  Array x, t;
};

/// `classes` = 0: 1000 for the residual networks, otherwise 10. mlp takes 784 numbers, the others pictures.
MadeUpTask made_up_task(const std::string& model, std::int64_t batch, std::int64_t image_size, std::int64_t classes = 0);

}  // namespace rensa::tools
