#include "trainer/images/jpeg_writer.h"

#include <csetjmp>
#include <cstdio>  // before jpeglib.h, which needs FILE and size_t

#include <jpeglib.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/error.h"

namespace rensa::images {
namespace {

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr cinfo) {
  auto* errors = reinterpret_cast<Errors*>(cinfo->err);
  errors->base.format_message(cinfo, errors->message);
  std::longjmp(errors->escape, 1);
}

/// What has to be given back whether compression succeeds or not.
struct Compression {
  jpeg_compress_struct cinfo{};
  Errors errors{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  ~Compression() {
    jpeg_destroy_compress(&cinfo);
    std::free(bytes);  // jpeg_mem_dest allocates with malloc
  }
};

}  // namespace

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  if (image.empty() || image.height() > JPEG_MAX_DIMENSION || image.width() > JPEG_MAX_DIMENSION) {
    throw ValueError("encode_jpeg: ", image.height(), " x ", image.width(), " pixels; expected sides from 1 to ",
                     JPEG_MAX_DIMENSION, ".");
  }
  if (quality < 1 || quality > 100) throw ValueError("encode_jpeg: quality ", quality, ", expected 1 to 100.");
  const auto compression = std::make_unique<Compression>();
  jpeg_compress_struct& cinfo = compression->cinfo;
  cinfo.err = jpeg_std_error(&compression->errors.base);
  compression->errors.base.error_exit = on_error;
  if (setjmp(compression->errors.escape) != 0) throw ValueError("encode_jpeg: ", compression->errors.message);
  jpeg_create_compress(&cinfo);
  jpeg_mem_dest(&cinfo, &compression->bytes, &compression->size);
  cinfo.image_width = static_cast<JDIMENSION>(image.width());
  cinfo.image_height = static_cast<JDIMENSION>(image.height());
  cinfo.input_components = Image::kChannels;
  cinfo.in_color_space = JCS_RGB;
  jpeg_set_defaults(&cinfo);
  jpeg_set_quality(&cinfo, quality, TRUE);
  jpeg_start_compress(&cinfo, TRUE);
  while (cinfo.next_scanline < cinfo.image_height) {
    // libjpeg takes a pointer to non-const, and does not write.
    JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(cinfo.next_scanline)));
    jpeg_write_scanlines(&cinfo, &row, 1);
  }
  jpeg_finish_compress(&cinfo);
  return {compression->bytes, compression->bytes + compression->size};
}

void write_jpeg(const std::string& path, const Image& image, int quality) {
  const std::vector<std::uint8_t> bytes = encode_jpeg(image, quality);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw FileError(path, ": cannot be written: ", std::strerror(errno), ".");
}

}  // namespace rensa::images
