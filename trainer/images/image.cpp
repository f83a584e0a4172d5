#include "trainer/images/image.h"

#include <cstring>

#include "core/error.h"

namespace rensa::images {

Image::Image(int height, int width) : height_(height), width_(width) {
  if (height < 0 || width < 0)
    throw ValueError("image: height ", height, " and width ", width, " must not be negative.");
  pixels_ = std::make_unique_for_overwrite<std::uint8_t[]>(bytes());  // a decoder writes every pixel anyway
}

Image Image::clone() const {
  Image copy(height_, width_);
  if (!empty()) std::memcpy(copy.pixels_.get(), pixels_.get(), bytes());
  return copy;
}

}  // namespace rensa::images
