#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/array/array.h"

namespace rensa::gpu {

/// Decodes JPEG files on a GPU through nvJPEG. One thread may call an object; it has memory of its own on the device,
/// which it keeps.
class JpegDecoder {
 public:
  virtual ~JpegDecoder() = default;
  /// Each file's picture, (height, width, 3) uint8, red, green, blue, on the device: in the current stream, which the
  /// host waits for, because the files' bytes are read until then. Orientation in the files (Exif) is not looked at.
  /// Throws ValueError that names the number of the file that is no JPEG that nvJPEG takes, with its reason.
  virtual std::vector<Array> decode(std::span<const std::span<const std::uint8_t>> files) = 0;
};

/// Opens nvJPEG, which nothing else does. Throws DeviceError that says what is missing: the GPU, nvJPEG's header when
/// the back end was built, or its library now.
std::unique_ptr<JpegDecoder> make_jpeg_decoder(Device device);

/// For the back end: what make_jpeg_decoder() calls.
using MakeJpegDecoder = std::unique_ptr<JpegDecoder> (*)(Device device);
struct JpegDecoderEntry {
  explicit JpegDecoderEntry(MakeJpegDecoder make);
};

}  // namespace rensa::gpu
