#include "core/kernels/pictures.h"

#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

using namespace formulas;

void finish_picture(const PictureReader& picture, const float* edit, const float* values, bool changes_colours,
                    float* out, const Strides& steps) {
  const int contrast = changes_colours ? contrast_place(edit) : 4;
  int mean = 0;
  std::uint8_t pixel[3];
  if (contrast < 4) {
    std::int64_t sum = 0;
    for (int y = 0; y < picture.height; ++y) {
      for (int x = 0; x < picture.width; ++x) {
        picture.read(picture.place(edit, y, x), pixel);
        change_colours(pixel, edit, 0, contrast, 0);
        sum += grey(pixel);
      }
    }
    mean = mean_grey(sum, static_cast<std::int64_t>(picture.height) * picture.width);
  }
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const std::uint8_t* const at = picture.place(edit, y, x);
      float* const to = out + y * steps[2] + x * steps[3];
      if (changes_colours) {
        picture.read(at, pixel);
        change_colours(pixel, edit, 0, 4, mean);
      }
      for (int c = 0; c < picture.channels; ++c) {
        const int value = changes_colours ? pixel[c] : at ? at[c * picture.channel_step] : 0;
        to[c * steps[1]] = values[c * 256 + value];
      }
    }
  }
}

Array finish_pictures_cpu(const Array& pictures, const Array& edits, const Array& values, const PictureForm& form) {
  const Shape& shape = pictures.shape();
  const Strides& from = pictures.strides();
  const Array out = empty(shape, Dtype::kFloat32, Device{}, form.layout);
  cpu::for_each_block(
      shape[0],
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          const PictureReader picture{pictures.data<std::uint8_t>() + n * from[0],
                                      from[1],
                                      from[2],
                                      from[3],
                                      static_cast<int>(shape[1]),
                                      static_cast<int>(shape[2]),
                                      static_cast<int>(shape[3])};
          finish_picture(picture, edits.data<float>() + n * kEditNumbers, values.data<float>(), form.changes_colours,
                         out.data<float>() + n * out.strides()[0], out.strides());
        }
      },
      16 * shape[1] * shape[2] * shape[3]);
  return out.to(form.dtype);
}

const Implementation cpu_finish_pictures(finish_pictures, DeviceKind::kCpu, finish_pictures_cpu);

}  // namespace
}  // namespace rensa::kernels
