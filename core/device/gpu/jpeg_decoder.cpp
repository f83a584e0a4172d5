#include "core/device/gpu/jpeg_decoder.h"

#include <atomic>

#include "core/device/gpu/driver.h"
#include "core/error.h"

namespace rensa::gpu {
namespace {

std::atomic<MakeJpegDecoder> make{nullptr};

}  // namespace

JpegDecoderEntry::JpegDecoderEntry(MakeJpegDecoder entry) { make = entry; }

std::unique_ptr<JpegDecoder> make_jpeg_decoder(Device device) {
  if (device.kind != DeviceKind::kCuda) throw DeviceError("nvJPEG: decodes on GPUs, found ", device, ".");
  driver();  // opens the back end, or says what is missing
  const MakeJpegDecoder entry = make;
  if (!entry) {
    throw DeviceError(
        "nvJPEG: this GPU back end was built where nvjpeg.h was not found. Install CUDA's nvJPEG, and "
        "build again (RENSA_NVJPEG_INCLUDE names the folder of nvjpeg.h). Decoding on the host needs none.");
  }
  return entry(device);
}

}  // namespace rensa::gpu
