#include "trainer/images/affine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace rensa::images {
namespace {

constexpr int kFractionBits = 16;

std::int64_t to_fixed(double value) {
  return static_cast<std::int64_t>(std::floor(value * (1 << kFractionBits) + 0.5));
}

}  // namespace

Image transform(const Image& image, const AffineMap& map) {
  Image out(image.height(), image.width());
  const std::int64_t x_step = to_fixed(map.xx), x_row_step = to_fixed(map.xy);
  const std::int64_t y_step = to_fixed(map.yx), y_row_step = to_fixed(map.yy);
  // the middle of the first pixel; from there on only additions
  std::int64_t x_row = to_fixed(map.x0 + map.xx * 0.5 + map.xy * 0.5);
  std::int64_t y_row = to_fixed(map.y0 + map.yx * 0.5 + map.yy * 0.5);
  for (int y = 0; y < out.height(); ++y, x_row += x_row_step, y_row += y_row_step) {
    std::uint8_t* pixel = out.row(y);
    std::int64_t x_at = x_row, y_at = y_row;
    for (int x = 0; x < out.width(); ++x, x_at += x_step, y_at += y_step, pixel += Image::kChannels) {
      const std::int64_t from_x = x_at >> kFractionBits, from_y = y_at >> kFractionBits;
      const bool inside = from_x >= 0 && from_x < image.width() && from_y >= 0 && from_y < image.height();
      if (inside) {
        std::memcpy(pixel, image.at(static_cast<int>(from_y), static_cast<int>(from_x)), Image::kChannels);
      } else {
        std::fill_n(pixel, Image::kChannels, std::uint8_t{0});
      }
    }
  }
  return out;
}

AffineMap shear_x(double slope) { return {.xy = slope}; }
AffineMap shear_y(double slope) { return {.yx = slope}; }
AffineMap translation(double right, double down) { return {.x0 = -right, .y0 = -down}; }

AffineMap rotation(int height, int width, double degrees) {
  const double angle = -degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
  const double x = width / 2.0, y = height / 2.0;
  return {.xx = cosine,
          .xy = sine,
          .x0 = x - cosine * x - sine * y,
          .yx = -sine,
          .yy = cosine,
          .y0 = y + sine * x - cosine * y};
}

}  // namespace rensa::images
