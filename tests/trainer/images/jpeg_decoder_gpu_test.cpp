#include <cmath>
#include <fstream>
#include <iterator>
#include <string_view>

#include "core/device/gpu/jpeg_decoder.h"
#include "core/error.h"
#include "tests/support/gpu.h"
#include "tests/support/scratch_folder.h"
#include "trainer/images/jpeg_reader.h"
#include "trainer/images/jpeg_writer.h"

namespace rensa::images {
namespace {

class JpegPicturesGpuTest : public testing::GpuTest {};

TEST_F(JpegPicturesGpuTest, AreThoseOfTheHostsDecoder) {
  std::unique_ptr<gpu::JpegDecoder> decoder;
  try {
    decoder = gpu::make_jpeg_decoder(testing::kGpu);
  } catch (const DeviceError& error) {
    if (!std::string_view(error.what()).starts_with("nvJPEG: ")) throw;  // it is there and fails
    GTEST_SKIP() << error.what();
  }
  const testing::ScratchFolder folder;
  std::vector<std::vector<std::uint8_t>> files;
  for (const int side : {40, 64, 121}) {
    Image image(side, side + 7);
    for (int y = 0; y < image.height(); ++y) {
      for (int x = 0; x < image.width(); ++x) {
        for (int c = 0; c < 3; ++c) image.at(y, x)[c] = static_cast<std::uint8_t>((y * (c + 1) + x) % 256);
      }
    }
    const std::string path = folder / (std::to_string(side) + ".jpg");
    write_jpeg(path, image);
    std::ifstream in(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  const std::vector<std::span<const std::uint8_t>> given(files.begin(), files.end());
  const std::vector<Array> found = decoder->decode(given);
  ASSERT_EQ(found.size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    JpegReader reader(files[i], "picture");
    const Image expected = reader.decode();
    ASSERT_EQ(found[i].shape(), (Shape{expected.height(), expected.width(), 3}));
    const std::vector<std::uint8_t> pixels = to_vector<std::uint8_t>(found[i]);
    double difference = 0;
    for (std::size_t k = 0; k < pixels.size(); ++k) difference += std::abs(pixels[k] - expected.row(0)[k]);
    EXPECT_LT(difference / static_cast<double>(pixels.size()), 3);  // decoders smooth colours in ways of their own
  }
}

}  // namespace
}  // namespace rensa::images
