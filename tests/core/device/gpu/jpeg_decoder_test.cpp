#include "core/device/gpu/jpeg_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "core/error.h"
#include "tests/support/gpu.h"
#include "tests/support/simulated_driver.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(JpegDecoderTest, SaysThatItWantsAGpu) {
  EXPECT_THAT([] { gpu::make_jpeg_decoder(Device{}); }, ThrowsMessage<DeviceError>(HasSubstr("decodes on GPUs")));
}

TEST(JpegDecoderTest, SaysWhatTheBackEndLacks) {
  const testing::SimulatedDevices devices(1);  // a back end without nvJPEG
  EXPECT_THAT(
      [] { gpu::make_jpeg_decoder({DeviceKind::kCuda, 0}); },
      ThrowsMessage<DeviceError>(HasSubstr("nvJPEG: this GPU back end was built where nvjpeg.h was not found")));
}

class JpegDecoderGpuTest : public testing::GpuTest {};

TEST_F(JpegDecoderGpuTest, DecodesOrSaysWhatIsMissing) {
  std::unique_ptr<gpu::JpegDecoder> decoder;
  try {
    decoder = gpu::make_jpeg_decoder(testing::kGpu);
  } catch (const DeviceError& error) {
    if (!std::string_view(error.what()).starts_with("nvJPEG: ")) throw;  // it is there and fails
    GTEST_SKIP() << error.what();
  }
  EXPECT_TRUE(decoder->decode({}).empty());
  const std::vector<std::uint8_t> text{'n', 'o', ' ', 'J', 'P', 'E', 'G'};
  const std::span<const std::uint8_t> files[] = {text};
  EXPECT_THAT([&] { decoder->decode(files); }, ThrowsMessage<ValueError>(HasSubstr("file number 0")));
}

}  // namespace
}  // namespace rensa
