#pragma once

#include <cstdint>
#include <span>

#include "trainer/images/image.h"

namespace rensa::images {

/// How stored pixels are to be turned for display: the values of EXIF's tag 0x0112 ("Orientation").
/// Source: CIPA DC-008 (Exif 2.32), section 4.6.4; the names say where the stored first row and column belong.
enum class Orientation : std::uint8_t {
  kTopLeft = 1,  ///< as stored
  kTopRight,     ///< mirrored
  kBottomRight,  ///< turned by 180 degrees
  kBottomLeft,   ///< upside down, mirrored
  kLeftTop,      ///< transposed
  kRightTop,     ///< to be turned clockwise
  kRightBottom,  ///< transposed along the other diagonal
  kLeftBottom,   ///< to be turned counter-clockwise
};

/// A rectangle of whole pixels.
struct PixelBox {
  int top = 0, left = 0, height = 0, width = 0;
  friend bool operator==(const PixelBox&, const PixelBox&) = default;  ///< the same place and size
};

/// Reads the tag from an APP1 segment ("Exif\0\0" and a TIFF block). Cameras and editors write broken blocks often
/// enough that damage is no error: it reads as kTopLeft.
Orientation read_exif_orientation(std::span<const std::uint8_t> app1);

/// True if the shown picture is as wide as the stored one is high.
bool swaps_sides(Orientation orientation);

/// Where the pixels of `shown`, a box of the upright picture, lie in the stored picture of that height and width.
PixelBox stored_box(const PixelBox& shown, Orientation orientation, int stored_height, int stored_width);

/// The inverse of stored_box: where a box of the stored picture is shown.
PixelBox shown_box(const PixelBox& stored, Orientation orientation, int stored_height, int stored_width);

/// The upright picture.
Image turn_upright(Image stored, Orientation orientation);

}  // namespace rensa::images
