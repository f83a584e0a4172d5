#include "trainer/images/orientation.h"

#include <algorithm>
#include <cstring>

namespace rensa::images {
namespace {

/// Whole numbers of a TIFF block in its own byte order; outside the block they read as 0.
struct TiffBlock {
  std::span<const std::uint8_t> bytes;
  bool big_endian;

  std::uint32_t read(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t from = big_endian ? i : size - 1 - i;
      value = value << 8 | bytes[at + from];
    }
    return value;
  }
};

/// How the stored pixel of an upright one is found: transpose first, then flip.
struct Mapping {
  bool transpose, flip_rows, flip_columns;  // flips act on the stored axes
};

Mapping mapping_of(Orientation orientation) {
  switch (orientation) {
    case Orientation::kTopLeft:
      return {false, false, false};
    case Orientation::kTopRight:
      return {false, false, true};
    case Orientation::kBottomRight:
      return {false, true, true};
    case Orientation::kBottomLeft:
      return {false, true, false};
    case Orientation::kLeftTop:
      return {true, false, false};
    case Orientation::kRightTop:
      return {true, true, false};
    case Orientation::kRightBottom:
      return {true, true, true};
    case Orientation::kLeftBottom:
      return {true, false, true};
  }
  return {false, false, false};
}

}  // namespace

Orientation read_exif_orientation(std::span<const std::uint8_t> app1) {
  constexpr std::uint8_t kMark[] = {'E', 'x', 'i', 'f', 0, 0};
  constexpr std::size_t kEntryBytes = 12;
  constexpr std::uint32_t kOrientationTag = 0x0112, kShort = 3;
  if (app1.size() < sizeof kMark + 8 || std::memcmp(app1.data(), kMark, sizeof kMark) != 0)
    return Orientation::kTopLeft;
  TiffBlock tiff{app1.subspan(sizeof kMark), app1[sizeof kMark] == 'M'};
  if (tiff.read(2, 2) != 42) return Orientation::kTopLeft;
  const std::size_t directory = tiff.read(4, 4);
  const std::size_t entries = tiff.read(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > tiff.bytes.size()) break;
    if (tiff.read(entry, 2) != kOrientationTag || tiff.read(entry + 2, 2) != kShort) continue;
    const std::uint32_t value = tiff.read(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : Orientation::kTopLeft;
  }
  return Orientation::kTopLeft;
}

bool swaps_sides(Orientation orientation) { return mapping_of(orientation).transpose; }

PixelBox stored_box(const PixelBox& shown, Orientation orientation, int stored_height, int stored_width) {
  const Mapping map = mapping_of(orientation);
  PixelBox box = shown;
  if (map.transpose) box = {shown.left, shown.top, shown.width, shown.height};
  if (map.flip_rows) box.top = stored_height - box.top - box.height;
  if (map.flip_columns) box.left = stored_width - box.left - box.width;
  return box;
}

PixelBox shown_box(const PixelBox& stored, Orientation orientation, int stored_height, int stored_width) {
  const Mapping map = mapping_of(orientation);
  PixelBox box = stored;
  if (map.flip_rows) box.top = stored_height - box.top - box.height;
  if (map.flip_columns) box.left = stored_width - box.left - box.width;
  if (map.transpose) box = {box.left, box.top, box.width, box.height};
  return box;
}

Image turn_upright(Image stored, Orientation orientation) {
  const Mapping map = mapping_of(orientation);
  if (orientation == Orientation::kTopLeft) return stored;
  Image upright = map.transpose ? Image(stored.width(), stored.height()) : Image(stored.height(), stored.width());
  for (int y = 0; y < upright.height(); ++y) {
    for (int x = 0; x < upright.width(); ++x) {
      int from_y = map.transpose ? x : y, from_x = map.transpose ? y : x;
      if (map.flip_rows) from_y = stored.height() - 1 - from_y;
      if (map.flip_columns) from_x = stored.width() - 1 - from_x;
      std::copy_n(stored.at(from_y, from_x), Image::kChannels, upright.at(y, x));
    }
  }
  return upright;
}

}  // namespace rensa::images
