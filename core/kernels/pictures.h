#pragma once

#include "core/kernels/formulas/colour.h"
#include "core/kernels/kernel.h"

namespace rensa::kernels {

struct PictureForm {
  Dtype dtype = Dtype::kFloat32;          ///< of the samples: float32, float16 or bfloat16
  Layout layout = Layout::kChannelsLast;  ///< in which they lie
  bool changes_colours = false;           ///< whether an edit may change colours at all
};

/// Samples of 8-bit pictures: cropped out of a black surrounding, mirrored, their colours changed, normalized.
///
///   pictures  (n, channels, height, width) uint8, any strides; colours of 1 and 3 channels may be changed
///   edits     (n, kEditNumbers) float32: what is done with each picture (formulas::PictureEdit)
///   values    (channels, 256) float32: every byte normalized
///   returns   (n, channels, height, width) of form.dtype
///
/// The same bits on every device, and those of trainer/images: nothing is drawn here.
extern Kernel<Array(const Array& pictures, const Array& edits, const Array& values, const PictureForm& form)>
    finish_pictures;

}  // namespace rensa::kernels
