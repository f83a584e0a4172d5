#include "core/kernels/pictures.h"

#include <algorithm>

#include "core/kernels/cuda/block_sum.cuh"
#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/launch.h"

namespace rensa::kernels {
namespace {

using namespace formulas;
using cuda::kThreads;
using cuda::pointer;
using cuda::stream_for;

using Count = unsigned long long;

/// Steps in elements.
struct Places {
  std::int64_t picture, channel, row, column;
};
Places places_of(const Array& x) { return {x.strides()[0], x.strides()[1], x.strides()[2], x.strides()[3]}; }

/// Pictures and what is done with them; blockIdx.y counts pictures, blockIdx.x and the threads the pixels of one.
struct Work {
  const std::uint8_t* pictures;
  Places from;
  const float* edits;
  int count, channels, height, width;

  __device__ PictureReader reader(int n) const {
    return {pictures + n * from.picture, from.channel, from.row, from.column, channels, height, width};
  }
  __device__ const float* edit(int n) const { return edits + static_cast<std::int64_t>(n) * kEditNumbers; }
};

/// The sum of the greys that contrast meets. Whole numbers: any order gives the same sum.
__global__ void grey_sums_kernel(Work work, Count* sums) {
  const int pixels = work.height * work.width;
  for (int n = blockIdx.y; n < work.count; n += gridDim.y) {
    const float* const edit = work.edit(n);
    const int contrast = contrast_place(edit);
    if (contrast == 4) continue;  // for the whole block
    const PictureReader picture = work.reader(n);
    Count sum = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * blockDim.x) {
      std::uint8_t pixel[3];
      picture.read(picture.place(edit, i / work.width, i % work.width), pixel);
      change_colours(pixel, edit, 0, contrast, 0);
      sum += static_cast<Count>(grey(pixel));
    }
    sum = cuda::across_block<cuda::SumOp>(sum);
    if (threadIdx.x == 0) atomicAdd(sums + n, sum);
  }
}

template <class T, bool kChangesColours>
__global__ void finish_kernel(Work work, const float* values, const Count* sums, T* out, Places to) {
  const int pixels = work.height * work.width;
  for (int n = blockIdx.y; n < work.count; n += gridDim.y) {
    const float* const edit = work.edit(n);
    const PictureReader picture = work.reader(n);
    const int mean = kChangesColours ? mean_grey(static_cast<std::int64_t>(sums[n]), pixels) : 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * blockDim.x) {
      const int y = i / work.width, x = i % work.width;
      const std::uint8_t* const at = picture.place(edit, y, x);
      T* const target = out + n * to.picture + y * to.row + x * to.column;
      std::uint8_t pixel[3] = {};
      if constexpr (kChangesColours) {
        picture.read(at, pixel);
        change_colours(pixel, edit, 0, 4, mean);
      }
      for (int c = 0; c < work.channels; ++c) {
        const int value = kChangesColours ? pixel[c] : at ? at[c * work.from.channel] : 0;
        target[c * to.channel] = cuda::narrow<T>(values[c * 256 + value]);
      }
    }
  }
}

template <class T>
void finish(const Work& work, const Array& values, const Array& sums, const Array& out, dim3 grid) {
  const cudaStream_t stream = stream_for(out);
  const auto* const table = pointer<const float>(values);
  if (sums) {
    finish_kernel<T, true>
        <<<grid, kThreads, 0, stream>>>(work, table, pointer<const Count>(sums), pointer<T>(out), places_of(out));
  } else {
    finish_kernel<T, false><<<grid, kThreads, 0, stream>>>(work, table, nullptr, pointer<T>(out), places_of(out));
  }
}

Array finish_pictures_cuda(const Array& pictures, const Array& edits, const Array& values, const PictureForm& form) {
  const Shape& shape = pictures.shape();
  const Array out = empty(shape, form.dtype, pictures.device(), form.layout);
  if (out.size() == 0) return out;
  const Work work{pointer<const std::uint8_t>(pictures),
                  places_of(pictures),
                  pointer<const float>(edits),
                  static_cast<int>(shape[0]),
                  static_cast<int>(shape[1]),
                  static_cast<int>(shape[2]),
                  static_cast<int>(shape[3])};
  constexpr int kMostPictures = 65535;  // of a grid's second axis
  const dim3 grid(cuda::blocks_for(static_cast<std::int64_t>(work.height) * work.width),
                  static_cast<unsigned>(std::min(work.count, kMostPictures)));
  Array sums;
  if (form.changes_colours) {
    sums = zeros({shape[0]}, Dtype::kInt64, pictures.device());
    grey_sums_kernel<<<grid, kThreads, 0, stream_for(pictures)>>>(work, pointer<Count>(sums));
  }
  switch (form.dtype) {
    case Dtype::kFloat32:
      finish<float>(work, values, sums, out, grid);
      break;
    case Dtype::kFloat16:
      finish<Float16>(work, values, sums, out, grid);
      break;
    case Dtype::kBFloat16:
      finish<BFloat16>(work, values, sums, out, grid);
      break;
    default:
      throw DtypeError("finish_pictures: samples are float32, float16 or bfloat16, found ", form.dtype, ".");
  }
  cuda::check_launch("finish_pictures");
  return out;
}

const Implementation cuda_finish_pictures(finish_pictures, DeviceKind::kCuda, finish_pictures_cuda);

}  // namespace
}  // namespace rensa::kernels
