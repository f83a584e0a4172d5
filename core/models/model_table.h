#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/links/link.h"

namespace rensa::models {

/// One operation of a network.
struct LayerRow {
  std::string path;             ///< of the link whose parameters it uses; "": none
  std::string operation;        ///< "convolution_2d"
  Shape output;                 ///< of its first result
  std::int64_t parameters = 0;  ///< elements it uses for the first time
  std::int64_t multiply_adds = 0;
};

/// The operations of a forward computation in their order. `forward` returns the network's result, as in training or
/// evaluation, not in an InferenceMode, which leaves no graph to look at.
///
/// Multiply-adds are those of convolutions, linear layers, matrix products and attention; of a convolution: elements of
/// the result × weights that each of them is a sum over. Everything else counts as 0, as the literature counts.
std::vector<LayerRow> model_table(Link& model, const std::function<Variable()>& forward);

}  // namespace rensa::models
