#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/links/link.h"

namespace rensa::models {

/// What a network of any kind may be told; each takes what concerns it.
struct ModelOptions {
  Shape input;  ///< of one sample: (features) or (channels, height, width)
  std::int64_t classes = 10;
  std::int64_t units = 1000;  ///< mlp: of both hidden layers
  std::int64_t width = 64;    ///< convolutional networks: channels of the first stage
  double dropout = 0;  ///< residual networks: of the features before the last layer; transformers: see their header
  bool zero_last_gamma = false;  ///< residual networks: see ResNetOptions
  double eps = 2e-5;             ///< of batch normalization; PyTorch's own weights expect 1e-5
  Dtype dtype = Dtype::kFloat32;
};

/// A network by name: x (batch, …) to logits (batch, classes). Throws ValueError that lists the names for an unknown
/// one.
std::unique_ptr<UnaryLink> make_model(const std::string& name, const ModelOptions& options);

/// The names that make_model takes.
const std::vector<std::string>& model_names();

}  // namespace rensa::models
