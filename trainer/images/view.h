#pragma once

#include "core/device/random.h"
#include "trainer/images/image.h"
#include "trainer/images/jpeg_reader.h"
#include "trainer/images/orientation.h"
#include "trainer/images/resample.h"

namespace rensa::images {

/// Which part of a picture a sample shows, and at what size. Made from the picture's height and width alone, so that
/// it is known before a single pixel is decoded.
struct View {
  double top = 0, left = 0, height = 0, width = 0;  ///< of the part, in pixels of the upright picture
  PixelBox reach;  ///< the pixels that may enter: the part itself, or more where the filter looks over its edge
  int out_height = 0, out_width = 0;
  bool flip = false;  ///< mirrored left to right
};

/// Options of random_resized_crop().
struct RandomResizedCropOptions {
  int size = 224;                                   ///< of the square sample
  double min_scale = 0.08, max_scale = 1.0;         ///< share of the picture's area
  double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;  ///< width / height
  double flip_probability = 0.5;
};

/// The training crop of ImageNet: a random area and aspect ratio, at a random place, then mirrored or not. Ten tries to
/// fit it into the picture; then the largest centred crop whose ratio is within the limits.
/// Source: Szegedy et al., "Going Deeper with Convolutions" (2015), section 6; parameters and the fallback are those of
/// torchvision's RandomResizedCrop.
View random_resized_crop(int height, int width, const RandomResizedCropOptions& options, RandomStream& random);

/// The validation crop: the picture resized so that its shorter side is `resize`, then `crop` x `crop` of its middle.
/// Throws ValueError if crop is larger than resize.
View centre_crop(int height, int width, int resize, int crop);

/// The scale at which a JPEG is decoded for a view: 1, 2, 4 or 8 pixels become one. Blocks of pixels, which the decoder
/// averages, smooth less than the triangle does. With 1.5 pixels and more for each pixel of the sample the difference
/// is 0.65 of 255 on average (1.2 with just one), and rarely above 2.
int decoding_denominator(const View& view);

/// Writes the sample, normalized, as (out_height, out_width, 3) floats. Of a JPEG only the rows and columns in reach
/// are decoded, at the smallest of the scales 1, 1/2, 1/4 and 1/8 that still has 1.5 pixels for each pixel of the
/// sample.
void render(JpegReader& reader, const View& view, const Normalization& normalization, float* out);
/// The same of a decoded picture.
void render(const Image& image, const View& view, const Normalization& normalization, float* out);

/// The same sample in 8 bits, for augmentations that work on pictures.
Image render_image(JpegReader& reader, const View& view);
Image render_image(const Image& image, const View& view);  ///< the same of a decoded picture

}  // namespace rensa::images
