#pragma once

#include "core/links/batch_normalization.h"
#include "core/links/convolution_2d.h"

namespace rensa {

/// What follows the normalization in the same pass over memory.
struct AfterNormalization {
  const Variable* residual = nullptr;  ///< added, of the result's shape
  bool relu = false;                   ///< at last
};

/// normalization(convolution(x)) (+ residual, relu): the pair that residual networks are made of. Inside an
/// InferenceMode the normalization is folded into the convolution's weights, once for each scope, and residual and relu
/// are applied while the convolution writes its result; not if one of them has hooks of its own.
Variable normalized_convolution(Convolution2D& convolution, BatchNormalization& normalization, const Variable& x,
                                const AfterNormalization& after = {});

}  // namespace rensa
