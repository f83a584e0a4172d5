#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/images/image.h"

namespace rensa::images {

/// Baseline JPEG of `image`, chroma at half resolution. `quality` is libjpeg's, 1 to 100. Throws ValueError if the
/// image is empty or has a side above 65,500 pixels, or the quality is out of range.
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality = 90);

/// Writes it to `path`. Throws FileError if that fails.
void write_jpeg(const std::string& path, const Image& image, int quality = 90);

}  // namespace rensa::images
