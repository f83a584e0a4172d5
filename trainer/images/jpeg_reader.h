#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trainer/images/image.h"
#include "trainer/images/orientation.h"

namespace rensa::images {

/// What a file may ask for before it is refused: small files can claim huge pictures or thousands of scans.
struct JpegLimits {
  std::int64_t max_pixels = 200'000'000;
  int max_scans = 500;  ///< of a progressive file; encoders write about 10
};

/// Part of an upright picture, reduced. Pixel (y, x) is the mean of the `denominator` x `denominator` pixels from
/// (top + y * denominator, left + x * denominator) of the full picture; at the far edges a block may reach outside.
struct JpegRegion {
  Image pixels;
  int top = 0, left = 0;  ///< in pixels of the full upright picture; above -denominator
  int denominator = 1;
};

/// One JPEG file in memory: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK; always gives upright RGB.
///
/// Grey is repeated on three channels. CMYK is converted without a colour profile, as C K / 255 of the light that the
/// inks let through, and files with an Adobe marker hold it inverted. EXIF orientation is applied; a broken EXIF block
/// counts as none. Heights, widths and boxes are those of the upright picture.
///
/// Damage that the decoder can bridge (cut-off files, stray bytes) counts as a warning; what it cannot is an
/// ImageError with the file's name and the reason. Not to be shared between threads.
class JpegReader {
 public:
  /// Reads the header. `bytes` must outlive the reader. Throws ImageError, also for what is not a JPEG at all.
  JpegReader(std::span<const std::uint8_t> bytes, std::string name, const JpegLimits& limits = {});
  ~JpegReader();
  JpegReader(JpegReader&&) noexcept;

  /// In pixels as stored, before orientation().
  /// @{
  int height() const;
  int width() const;
  /// @}
  int stored_channels() const;      ///< 1 grey, 3, or 4 (CMYK, YCCK)
  bool progressive() const;         ///< whether it is stored in several scans, all of which must be read
  Orientation orientation() const;  ///< how EXIF says it is to be turned

  Image decode();  ///< the whole picture

  /// At least the pixels of `box`, reduced by `denominator` (1, 2, 4, 8: the scales that libjpeg-turbo has vector code
  /// for). Rows below the box are not even entropy-decoded, those above and columns beside it not transformed.
  /// Damage in the rows below is therefore not seen, unless there was some before: then the file is read to its end,
  /// and refused if the decoder does not get there. Throws ValueError if the box leaves the picture or is empty.
  JpegRegion decode_region(const PixelBox& box, int denominator = 1);

  int warnings() const;                      ///< since the header was read
  const std::string& first_warning() const;  ///< libjpeg's text, empty without warnings

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The bytes of a file; throws ImageError if it cannot be read.
std::vector<std::uint8_t> read_image_file(const std::string& path);

/// The whole picture at `path`. Adds the number of warnings to `*warnings` if it is given.
Image read_jpeg(const std::string& path, int* warnings = nullptr);

}  // namespace rensa::images
