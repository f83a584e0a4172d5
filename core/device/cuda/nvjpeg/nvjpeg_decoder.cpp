#include <dlfcn.h>
#include <nvjpeg.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/device/cuda/current_device.h"
#include "core/device/gpu/jpeg_decoder.h"
#include "core/device/gpu/stream.h"
#include "core/error.h"

namespace rensa::cuda {
namespace {

/// nvJPEG, opened when it is first asked for: the back end does not need it otherwise.
struct Library {
  decltype(&nvjpegCreateSimple) create = nullptr;
  decltype(&nvjpegDestroy) destroy = nullptr;
  decltype(&nvjpegJpegStateCreate) create_state = nullptr;
  decltype(&nvjpegJpegStateDestroy) destroy_state = nullptr;
  decltype(&nvjpegGetImageInfo) info = nullptr;
  decltype(&nvjpegDecode) decode = nullptr;
  decltype(&nvjpegDecodeBatchedInitialize) initialize_batch = nullptr;
  decltype(&nvjpegDecodeBatched) decode_batch = nullptr;

  Library() {
    const std::string name = "libnvjpeg.so." + std::to_string(NVJPEG_VER_MAJOR);
    void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      throw DeviceError("nvJPEG: ", name, " cannot be opened: ", dlerror(),
                        ". Install CUDA's nvJPEG, or add its folder to LD_LIBRARY_PATH.");
    }
    find(library, "nvjpegCreateSimple", create);
    find(library, "nvjpegDestroy", destroy);
    find(library, "nvjpegJpegStateCreate", create_state);
    find(library, "nvjpegJpegStateDestroy", destroy_state);
    find(library, "nvjpegGetImageInfo", info);
    find(library, "nvjpegDecode", decode);
    find(library, "nvjpegDecodeBatchedInitialize", initialize_batch);
    find(library, "nvjpegDecodeBatched", decode_batch);
  }

 private:
  template <class Function>
  static void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (!function) throw DeviceError("nvJPEG: the library has no ", name, ". Install the one that belongs to CUDA.");
  }
};

const Library& library() {
  static const Library opened;
  return opened;
}

const char* reason(nvjpegStatus_t status) {
  switch (status) {
    case NVJPEG_STATUS_BAD_JPEG:
      return "it is damaged, or no JPEG";
    case NVJPEG_STATUS_JPEG_NOT_SUPPORTED:
      return "it is of a kind that nvJPEG does not decode";
    case NVJPEG_STATUS_INCOMPLETE_BITSTREAM:
      return "it ends too early";
    default:
      return nullptr;
  }
}

/// Of one file: ValueError for what is wrong with it, DeviceError for everything else.
void check_file(nvjpegStatus_t status, std::size_t number, const char* call) {
  if (status == NVJPEG_STATUS_SUCCESS) return;
  if (const char* const why = reason(status)) throw ValueError("nvJPEG: file number ", number, ": ", why, ".");
  throw DeviceError(call, ": status ", static_cast<int>(status), " at file number ", number, ".");
}
void check(nvjpegStatus_t status, const char* call) {
  if (status != NVJPEG_STATUS_SUCCESS) throw DeviceError(call, ": status ", static_cast<int>(status), ".");
}

class Decoder final : public gpu::JpegDecoder {
 public:
  explicit Decoder(Device device) : device_(device) {
    make_current(device.index);
    check(library().create(&handle_), "nvjpegCreateSimple");
    const nvjpegStatus_t made = library().create_state(handle_, &state_);
    if (made != NVJPEG_STATUS_SUCCESS) library().destroy(handle_);
    check(made, "nvjpegJpegStateCreate");
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() override {
    library().destroy_state(state_);
    library().destroy(handle_);
  }

  std::vector<Array> decode(std::span<const std::span<const std::uint8_t>> files) override {
    make_current(device_.index);
    std::vector<Array> pictures;
    std::vector<const unsigned char*> data;
    std::vector<std::size_t> lengths;
    std::vector<nvjpegImage_t> places;
    for (const std::span<const std::uint8_t> file : files) {
      pictures.push_back(room_for(file, pictures.size()));
      data.push_back(file.data());
      lengths.push_back(file.size());
      nvjpegImage_t place = {};
      place.channel[0] = static_cast<unsigned char*>(pictures.back().raw_data());
      place.pitch[0] = static_cast<std::size_t>(pictures.back().shape()[1] * kChannels);
      places.push_back(place);
    }
    if (files.empty()) return pictures;
    const gpu::Stream stream = gpu::current_stream(device_);
    const auto handle = static_cast<cudaStream_t>(stream.handle);
    const auto count = static_cast<int>(files.size());
    check(library().initialize_batch(handle_, state_, count, /*max_cpu_threads=*/1, NVJPEG_OUTPUT_RGBI),
          "nvjpegDecodeBatchedInitialize");
    // A batch is refused whole: then one after another, which takes more kinds of files and says which one is wrong.
    if (library().decode_batch(handle_, state_, data.data(), lengths.data(), places.data(), handle) !=
        NVJPEG_STATUS_SUCCESS) {
      for (std::size_t i = 0; i < places.size(); ++i) {
        check_file(library().decode(handle_, state_, data[i], lengths[i], NVJPEG_OUTPUT_RGBI, &places[i], handle), i,
                   "nvjpegDecode");
      }
    }
    stream.synchronize();
    return pictures;
  }

 private:
  static constexpr std::int64_t kChannels = 3;

  Array room_for(std::span<const std::uint8_t> file, std::size_t number) const {
    int components = 0, widths[NVJPEG_MAX_COMPONENT] = {}, heights[NVJPEG_MAX_COMPONENT] = {};
    nvjpegChromaSubsampling_t subsampling = {};
    check_file(library().info(handle_, file.data(), file.size(), &components, &subsampling, widths, heights), number,
               "nvjpegGetImageInfo");
    return empty({heights[0], widths[0], kChannels}, Dtype::kUInt8, device_);
  }

  const Device device_;
  nvjpegHandle_t handle_ = nullptr;
  nvjpegJpegState_t state_ = nullptr;
};

const gpu::JpegDecoderEntry entry([](Device device) -> std::unique_ptr<gpu::JpegDecoder> {
  return std::make_unique<Decoder>(device);
});

}  // namespace
}  // namespace rensa::cuda
