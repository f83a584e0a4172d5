#include "core/kernels/cpu/window_columns.h"

#include "core/kernels/cpu/parallel.h"

namespace rensa::cpu {
namespace {

/// Calls visit(row of the matrix, picture's row or -1, first picture column) for each row and line of the output.
template <class Visit>
void for_each_line(const WindowColumns& w, std::int64_t channel, const Visit& visit) {
  for (std::int64_t ky = 0; ky < w.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < w.kernel_width; ++kx) {
      const std::int64_t row = (channel * w.kernel_height + ky) * w.kernel_width + kx;
      for (std::int64_t oy = 0; oy < w.out_height; ++oy) {
        const std::int64_t y = oy * w.geometry.stride[0] - w.geometry.pad[0] + ky * w.geometry.dilate[0];
        visit(row, oy, y >= 0 && y < w.height ? y : -1, kx * w.geometry.dilate[1] - w.geometry.pad[1]);
      }
    }
  }
}

}  // namespace

void WindowColumns::gather(const double* x, double* columns) const {
  for_each_block(
      channels,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t c = begin; c < end; ++c) {
          for_each_line(*this, c, [&](std::int64_t row, std::int64_t oy, std::int64_t y, std::int64_t x0) {
            double* to = columns + (row * out_height + oy) * out_width;
            for (std::int64_t ox = 0; ox < out_width; ++ox) {
              const std::int64_t at = ox * geometry.stride[1] + x0;
              to[ox] = y >= 0 && at >= 0 && at < width ? x[(c * height + y) * width + at] : 0;
            }
          });
        }
      },
      /*cost=*/8 * kernel_height * kernel_width * size());
}

void WindowColumns::scatter_add(const double* columns, double* x) const {
  for_each_block(
      channels,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t c = begin; c < end; ++c) {
          for_each_line(*this, c, [&](std::int64_t row, std::int64_t oy, std::int64_t y, std::int64_t x0) {
            const double* from = columns + (row * out_height + oy) * out_width;
            for (std::int64_t ox = 0; ox < out_width && y >= 0; ++ox) {
              const std::int64_t at = ox * geometry.stride[1] + x0;
              if (at >= 0 && at < width) x[(c * height + y) * width + at] += from[ox];
            }
          });
        }
      },
      /*cost=*/8 * kernel_height * kernel_width * size());
}

}  // namespace rensa::cpu
