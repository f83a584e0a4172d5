#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace rensa::images {

/// A picture in memory: 8-bit RGB, row by row from the top, the three channels of a pixel side by side (HWC), rows
/// without gaps. Owns its pixels; moving is cheap, copying is spelt out.
class Image {
 public:
  static constexpr int kChannels = 3;

  Image() = default;
  /// Pixels are not initialised. Throws ValueError if a side is negative.
  Image(int height, int width);

  Image clone() const;  ///< a copy with pixels of its own

  /// Its sides in pixels, and its size in bytes: rows follow one another without gaps.
  /// @{
  int height() const { return height_; }
  int width() const { return width_; }
  bool empty() const { return height_ == 0 || width_ == 0; }
  std::size_t row_bytes() const { return static_cast<std::size_t>(width_) * kChannels; }
  std::size_t bytes() const { return row_bytes() * static_cast<std::size_t>(height_); }
  /// @}

  /// The first byte of a row, or of a pixel; nothing is checked.
  /// @{
  std::uint8_t* row(int y) { return pixels_.get() + row_bytes() * static_cast<std::size_t>(y); }
  const std::uint8_t* row(int y) const { return pixels_.get() + row_bytes() * static_cast<std::size_t>(y); }
  std::uint8_t* at(int y, int x) { return row(y) + x * kChannels; }
  const std::uint8_t* at(int y, int x) const { return row(y) + x * kChannels; }
  /// @}

 private:
  int height_ = 0, width_ = 0;
  std::unique_ptr<std::uint8_t[]> pixels_;
};

}  // namespace rensa::images
