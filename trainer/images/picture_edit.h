#pragma once

#include <span>

#include "core/array/array.h"
#include "core/kernels/formulas/colour.h"
#include "trainer/images/augmentation.h"
#include "trainer/images/resample.h"

namespace rensa::images {

/// Where a crop lies against its picture, and whether it is mirrored.
struct PictureCut {
  int down = 0, right = 0;
  bool flip = false;
};

/// Writes kEditNumbers numbers: what kernels::finish_pictures is to do with a picture. The colour jitter's are drawn
/// from `random`, as augment() draws them.
void write_edit(const PictureCut& cut, const ColourJitterOptions& jitter, RandomStream& random, std::span<float> edit);

/// finish_pictures' table (3, 256) of every byte normalized, as normalize() does it.
Array normalized_values(const Normalization& normalization);

}  // namespace rensa::images
