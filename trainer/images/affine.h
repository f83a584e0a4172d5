#pragma once

#include "trainer/images/image.h"

namespace rensa::images {

/// Where an output pixel comes from: x_in = xx * x + xy * y + x0, y_in = yx * x + yy * y + y0, both counted from the
/// picture's upper left corner, pixel centres at halves.
struct AffineMap {
  double xx = 1, xy = 0, x0 = 0;
  double yx = 0, yy = 1, y0 = 0;
};

/// The picture as `map` shows it, in the same size, each pixel the nearest one; black where it looks outside. In 16-bit
/// fixed point, as Pillow computes it: the same pixels but for rounding's last bit.
/// Source: Wolberg, "Digital Image Warping" (1990), section 3.3.
Image transform(const Image& image, const AffineMap& map);

AffineMap shear_x(double slope);                   ///< row y moves to the left by slope * y
AffineMap shear_y(double slope);                   ///< column x moves up by slope * x
AffineMap translation(double right, double down);  ///< moves the picture, in pixels
/// Turned about the middle of a picture of that size, counter-clockwise.
AffineMap rotation(int height, int width, double degrees);

}  // namespace rensa::images
