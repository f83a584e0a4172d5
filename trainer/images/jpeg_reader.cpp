#include "trainer/images/jpeg_reader.h"

#include <csetjmp>
#include <cstdio>  // before jpeglib.h, which needs FILE and size_t

#include <jpeglib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "trainer/images/file_kind.h"
#include "trainer/images/image_error.h"

namespace rensa::images {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr int kCmykChannels = 4;
constexpr int kUpsamplingReach = 2;  // columns over which the smooth chroma upsampling looks sideways

/// libjpeg's error manager with what its callbacks need. The base comes first: libjpeg hands back a pointer to it.
struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  char first_warning[JMSG_LENGTH_MAX];
  int warnings;
};

[[noreturn]] void on_error(j_common_ptr cinfo) {
  auto* errors = reinterpret_cast<Errors*>(cinfo->err);
  errors->base.format_message(cinfo, errors->message);
  std::longjmp(errors->escape, 1);
}

void on_message(j_common_ptr cinfo, int level) {
  if (level >= 0) return;  // traces
  auto* errors = reinterpret_cast<Errors*>(cinfo->err);
  if (errors->warnings++ == 0) errors->base.format_message(cinfo, errors->first_warning);
}

struct ScanLimit {
  jpeg_progress_mgr base;
  int max_scans;
};

void on_progress(j_common_ptr cinfo) {
  const auto* limit = reinterpret_cast<const ScanLimit*>(cinfo->progress);
  const int scan = reinterpret_cast<j_decompress_ptr>(cinfo)->input_scan_number;
  if (scan <= limit->max_scans) return;
  auto* errors = reinterpret_cast<Errors*>(cinfo->err);
  std::snprintf(errors->message, sizeof errors->message, "has more than %d scans", limit->max_scans);
  std::longjmp(errors->escape, 1);
}

/// R = C K / 255 and so on, C and K being the light that passes (Adobe's inverted storage).
void cmyk_to_rgb(const std::uint8_t* cmyk, int width, bool inverted, std::uint8_t* rgb) {
  const int flip = inverted ? 0 : 255;
  for (int x = 0; x < width; ++x, cmyk += kCmykChannels, rgb += Image::kChannels) {
    const int k = cmyk[3] ^ flip;
    for (int c = 0; c < Image::kChannels; ++c) {
      rgb[c] = static_cast<std::uint8_t>(((cmyk[c] ^ flip) * k + 127) / 255);
    }
  }
}

}  // namespace

struct JpegReader::State {
  jpeg_decompress_struct cinfo{};
  Errors errors{};
  ScanLimit scan_limit{};
  std::span<const std::uint8_t> bytes;
  std::string name;
  Orientation orientation = Orientation::kTopLeft;
  std::string first_warning;
  bool started = false;

  /// Runs a step of libjpeg calls: the one place where its errors become exceptions. longjmp skips destructors, so a
  /// step owns nothing.
  template <class Step>
  void guard(const Step& step) {
    if (setjmp(errors.escape) == 0) {
      step();
    } else {
      jpeg_abort_decompress(&cinfo);
      throw ImageError(name, errors.message);
    }
    if (errors.warnings > 0 && first_warning.empty()) first_warning = errors.first_warning;
  }

  void read_header() {
    guard([this] {
      jpeg_mem_src(&cinfo, bytes.data(), static_cast<unsigned long>(bytes.size()));
      jpeg_save_markers(&cinfo, kExifMarker, 0xffff);
      jpeg_read_header(&cinfo, TRUE);
    });
    started = false;
  }

  J_COLOR_SPACE output_color_space() const {
    switch (cinfo.jpeg_color_space) {
      case JCS_GRAYSCALE:
      case JCS_YCbCr:
      case JCS_RGB:
        return JCS_RGB;
      case JCS_CMYK:
      case JCS_YCCK:
        return JCS_CMYK;
      default:
        throw ImageError(name, "has " + std::to_string(cinfo.num_components) + " channels of an unknown kind");
    }
  }

  int stored_height() const { return static_cast<int>(cinfo.image_height); }
  int stored_width() const { return static_cast<int>(cinfo.image_width); }

  JpegRegion decode(const PixelBox& stored, int denominator);
};

JpegReader::JpegReader(std::span<const std::uint8_t> bytes, std::string name, const JpegLimits& limits)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.bytes = bytes;
  state.name = std::move(name);
  if (!is_jpeg(bytes)) {
    throw ImageError(state.name, "is not a JPEG: its first bytes say that it is " + std::string(file_kind(bytes)));
  }
  state.cinfo.err = jpeg_std_error(&state.errors.base);
  state.errors.base.error_exit = on_error;
  state.errors.base.emit_message = on_message;
  state.guard([&state] { jpeg_create_decompress(&state.cinfo); });
  state.scan_limit.base.progress_monitor = on_progress;
  state.scan_limit.max_scans = limits.max_scans;
  state.cinfo.progress = &state.scan_limit.base;
  try {
    state.read_header();
    const std::int64_t pixels = std::int64_t{state.stored_height()} * state.stored_width();
    if (pixels > limits.max_pixels) {
      throw ImageError(state.name, "is " + std::to_string(state.stored_width()) + " x " +
                                       std::to_string(state.stored_height()) + ", more than the limit of " +
                                       std::to_string(limits.max_pixels) + " pixels");
    }
    state.output_color_space();
  } catch (...) {
    jpeg_destroy_decompress(&state.cinfo);  // the destructor does not run for a reader that was never finished
    throw;
  }
  for (jpeg_saved_marker_ptr marker = state.cinfo.marker_list; marker != nullptr; marker = marker->next) {
    const Orientation found = read_exif_orientation({marker->data, marker->data_length});
    if (found != Orientation::kTopLeft) state.orientation = found;
  }
}

JpegReader::~JpegReader() {
  if (state_) jpeg_destroy_decompress(&state_->cinfo);
}

JpegReader::JpegReader(JpegReader&&) noexcept = default;

int JpegReader::height() const {
  return swaps_sides(state_->orientation) ? state_->stored_width() : state_->stored_height();
}
int JpegReader::width() const {
  return swaps_sides(state_->orientation) ? state_->stored_height() : state_->stored_width();
}
int JpegReader::stored_channels() const { return state_->cinfo.num_components; }
bool JpegReader::progressive() const { return state_->cinfo.progressive_mode == TRUE; }
Orientation JpegReader::orientation() const { return state_->orientation; }
int JpegReader::warnings() const { return state_->errors.warnings; }
const std::string& JpegReader::first_warning() const { return state_->first_warning; }

JpegRegion JpegReader::State::decode(const PixelBox& stored, int denominator) {
  if (started) read_header();
  started = true;
  cinfo.out_color_space = output_color_space();
  cinfo.scale_num = 1;
  cinfo.scale_denom = static_cast<unsigned>(denominator);
  const bool cmyk = cinfo.out_color_space == JCS_CMYK;

  const auto first = [&](int at) { return at / denominator; };
  const auto last = [&](int end) { return (end + denominator - 1) / denominator; };  // exclusive
  const int top = first(stored.top), bottom = last(stored.top + stored.height);
  int left = 0;
  guard([&] {
    jpeg_start_decompress(&cinfo);
    const int full = static_cast<int>(cinfo.output_width);
    const int from = std::max(0, first(stored.left) - kUpsamplingReach);
    const int to = std::min(full, last(stored.left + stored.width) + kUpsamplingReach);
    if (from > 0 || to < full) {  // moves `x` down to a whole block, so the columns asked for are all there
      JDIMENSION x = static_cast<JDIMENSION>(from), width = static_cast<JDIMENSION>(to - from);
      jpeg_crop_scanline(&cinfo, &x, &width);
      left = static_cast<int>(x);
    }
  });

  JpegRegion region{Image(bottom - top, static_cast<int>(cinfo.output_width)), top * denominator, left * denominator,
                    denominator};
  Image& pixels = region.pixels;
  std::vector<std::uint8_t> spare_row(std::size_t{cinfo.output_width} * kCmykChannels);
  guard([&] {
    if (top > 0) jpeg_skip_scanlines(&cinfo, static_cast<JDIMENSION>(top));
    for (int y = 0; y < pixels.height(); ++y) {
      JSAMPROW row = cmyk ? spare_row.data() : pixels.row(y);
      if (jpeg_read_scanlines(&cinfo, &row, 1) != 1) break;  // cannot happen with a source that never suspends
      if (cmyk) cmyk_to_rgb(row, pixels.width(), cinfo.saw_Adobe_marker == TRUE, pixels.row(y));
    }
    if (errors.warnings > 0) {  // a damaged file: the rest tells whether the decoder gets through at all
      JSAMPROW row = spare_row.data();
      while (cinfo.output_scanline < cinfo.output_height && jpeg_read_scanlines(&cinfo, &row, 1) == 1) continue;
    }
    if (cinfo.output_scanline == cinfo.output_height) {
      jpeg_finish_decompress(&cinfo);  // sees what follows the last row
    } else {
      jpeg_abort_decompress(&cinfo);
    }
  });
  return region;
}

Image JpegReader::decode() { return decode_region({0, 0, height(), width()}).pixels; }

JpegRegion JpegReader::decode_region(const PixelBox& box, int denominator) {
  if (denominator != 1 && denominator != 2 && denominator != 4 && denominator != 8) {
    throw ValueError("decode_region: denominator ", denominator, " is not 1, 2, 4 or 8.");
  }
  if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.top > height() - box.height ||
      box.left > width() - box.width) {
    throw ValueError("decode_region: ", box.height, " x ", box.width, " pixels from row ", box.top, " and column ",
                     box.left, " are not inside the picture of ", height(), " x ", width(), ".");
  }
  const Orientation orientation = state_->orientation;
  const int stored_height = state_->stored_height(), stored_width = state_->stored_width();
  JpegRegion region = state_->decode(stored_box(box, orientation, stored_height, stored_width), denominator);
  if (orientation == Orientation::kTopLeft) return region;
  // The same rectangle seen upright. Where an axis is turned round, its far edge, which the last block may overlap,
  // becomes the near one.
  const PixelBox covered{region.top, region.left, region.pixels.height() * denominator,
                         region.pixels.width() * denominator};
  const PixelBox upright = shown_box(covered, orientation, stored_height, stored_width);
  return {turn_upright(std::move(region.pixels), orientation), upright.top, upright.left, denominator};
}

std::vector<std::uint8_t> read_image_file(const std::string& path) {
  std::error_code failure;
  const std::uintmax_t size = std::filesystem::file_size(path, failure);  // refuses folders too
  if (failure) throw ImageError(path, "cannot be read: " + failure.message());
  std::vector<std::uint8_t> bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw ImageError(path, std::string("cannot be read: ") + std::strerror(errno));
  return bytes;
}

Image read_jpeg(const std::string& path, int* warnings) {
  const std::vector<std::uint8_t> bytes = read_image_file(path);
  JpegReader reader(bytes, path);
  Image image = reader.decode();
  if (warnings != nullptr) *warnings += reader.warnings();
  return image;
}

}  // namespace rensa::images
