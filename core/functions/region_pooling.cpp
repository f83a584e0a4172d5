#include "core/functions/region_pooling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/positions.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

/// A region in x's pixels, and its picture.
struct Region {
  std::int64_t picture;
  double top, left, bottom, right;
};

std::vector<Region> regions_of(const char* name, const Variable& x, const Array& rois, const Array& indices,
                               const RegionOptions& o) {
  if (x.ndim() != 4 || rois.ndim() != 2 || rois.shape()[1] != 4 || indices.shape() != Shape{rois.shape()[0]}) {
    throw ShapeError(name, ": expected x (batch, C, H, W), rois (R, 4) and their indices (R), found ", x.shape(), ", ",
                     rois.shape(), " and ", indices.shape(), ".");
  }
  if (o.height < 1 || o.width < 1 || !(o.spatial_scale > 0) || o.sampling_ratio < 1) {
    throw ValueError(name, ": size ", o.height, " × ", o.width, ", scale ", o.spatial_scale, ", sampling ratio ",
                     o.sampling_ratio, "; expected numbers above 0.");
  }
  const std::vector<double> r = to_vector<double>(rois);
  const std::vector<std::int64_t> pictures = to_vector<std::int64_t>(indices);
  std::vector<Region> regions;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i] < 0 || pictures[i] >= x.shape()[0]) {
      throw IndexError(name, ": region ", i, " is in picture ", pictures[i], ", the batch has ", x.shape()[0], ".");
    }
    const double s = o.spatial_scale;
    regions.push_back({pictures[i], r[4 * i] * s, r[4 * i + 1] * s, r[4 * i + 2] * s, r[4 * i + 3] * s});
  }
  return regions;
}

/// The pixels [begin, end) of bin `i` of `bins` over whole pixels from `start` on.
std::array<std::int64_t, 2> bin(std::int64_t i, std::int64_t bins, std::int64_t start, std::int64_t length,
                                std::int64_t size) {
  const double width = static_cast<double>(length) / static_cast<double>(bins);
  const auto begin = static_cast<std::int64_t>(std::floor(static_cast<double>(i) * width)) + start;
  const auto end = static_cast<std::int64_t>(std::ceil(static_cast<double>(i + 1) * width)) + start;
  return {std::clamp<std::int64_t>(begin, 0, size), std::clamp<std::int64_t>(end, 0, size)};
}

std::int64_t rounded(double v) { return static_cast<std::int64_t>(std::round(v)); }

/// The pixels of each bin of a region as (bins, most pixels of a bin), row-major in a picture; -1 where a bin has
/// fewer.
std::vector<std::vector<std::int64_t>> pixels_of_bins(const Region& region, std::int64_t grown, const RegionOptions& o,
                                                      std::int64_t height, std::int64_t width) {
  const std::int64_t top = rounded(region.top), left = rounded(region.left);
  const std::int64_t tall = std::max<std::int64_t>(1, rounded(region.bottom) - top + grown);
  const std::int64_t wide = std::max<std::int64_t>(1, rounded(region.right) - left + grown);
  std::vector<std::vector<std::int64_t>> bins;
  for (std::int64_t i = 0; i < o.height * o.width; ++i) {
    const auto rows = bin(i / o.width, o.height, top, tall, height),
               columns = bin(i % o.width, o.width, left, wide, width);
    bins.emplace_back();
    for (std::int64_t y = rows[0]; y < rows[1]; ++y) {
      for (std::int64_t x = columns[0]; x < columns[1]; ++x) bins.back().push_back(y * width + x);
    }
  }
  return bins;
}

Variable pool_maximum(const char* name, const Variable& x, const std::vector<Region>& regions, std::int64_t grown,
                      const RegionOptions& o) {
  check_on_host(name, x.array());
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3], bins = o.height * o.width;
  Array positions = empty({static_cast<std::int64_t>(regions.size()), channels, o.height, o.width}, Dtype::kInt64);
  const Array pixels = (is_half(x.dtype()) ? x.array().to(Dtype::kFloat32) : x.array()).contiguous();
  dispatch_floating(pixels.dtype(), name, [&](auto tag) {
    const auto* values = pixels.data<typename decltype(tag)::type>();
    std::int64_t* to = positions.data<std::int64_t>();
    for (const Region& region : regions) {
      const auto of_bins = pixels_of_bins(region, grown, o, height, width);
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t plane = (region.picture * channels + c) * height * width;
        for (std::int64_t b = 0; b < bins; ++b) {
          const auto& own = of_bins[static_cast<std::size_t>(b)];
          const auto largest = std::max_element(own.begin(), own.end(), [&](std::int64_t l, std::int64_t r) {
            return values[plane + l] < values[plane + r];
          });
          *to++ = largest == own.end() ? -1 : plane + *largest;
        }
      }
    }
  });
  return take_positions(name, x, positions);
}

/// x at places between pixels, four pixels and their shares for each: (R, C, bins, samples).
Variable read_samples(const char* name, const Variable& x, const std::vector<Region>& regions, const RegionOptions& o) {
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3], s = o.sampling_ratio;
  const std::int64_t count = static_cast<std::int64_t>(regions.size()), bins = o.height * o.width, samples = s * s,
                     each = bins * samples;
  Array shares = zeros({4, count, 1, each}, Dtype::kFloat64),
        positions = full({4, count, channels, each}, -1, Dtype::kInt64);
  for (std::int64_t r = 0; r < count; ++r) {
    const Region& region = regions[static_cast<std::size_t>(r)];
    const double tall = std::max(region.bottom - region.top, 1.0) / static_cast<double>(o.height);
    const double wide = std::max(region.right - region.left, 1.0) / static_cast<double>(o.width);
    for (std::int64_t i = 0; i < each; ++i) {
      const std::int64_t b = i / samples, k = i % samples;
      double y =
          region.top +
          (static_cast<double>(b / o.width) + (static_cast<double>(k / s) + 0.5) / static_cast<double>(s)) * tall;
      double z =
          region.left +
          (static_cast<double>(b % o.width) + (static_cast<double>(k % s) + 0.5) / static_cast<double>(s)) * wide;
      if (y < -1 || y > static_cast<double>(height) || z < -1 || z > static_cast<double>(width)) continue;
      y = std::clamp(y, 0.0, static_cast<double>(height - 1));
      z = std::clamp(z, 0.0, static_cast<double>(width - 1));
      const auto row = static_cast<std::int64_t>(y), column = static_cast<std::int64_t>(z);
      const double down = y - static_cast<double>(row), right = z - static_cast<double>(column);
      for (std::int64_t corner = 0; corner < 4; ++corner) {
        const std::int64_t dy = corner / 2, dx = corner % 2;
        shares.data<double>()[(corner * count + r) * each + i] = (dy ? down : 1 - down) * (dx ? right : 1 - right);
        const std::int64_t pixel = std::min(row + dy, height - 1) * width + std::min(column + dx, width - 1);
        for (std::int64_t c = 0; c < channels; ++c) {
          positions.data<std::int64_t>()[((corner * count + r) * channels + c) * each + i] =
              (region.picture * channels + c) * height * width + pixel;
        }
      }
    }
  }
  const Variable y = sum(take_positions(name, x, positions) * constant_like(x, shares), {0});
  return reshape(y, {count, channels, bins, samples});
}

Variable shaped(const Variable& y, const RegionOptions& o) {
  return reshape(y, {y.shape()[0], y.shape()[1], o.height, o.width});
}

}  // namespace

Variable roi_max_pooling_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                            const RegionOptions& options) {
  return pool_maximum("roi_max_pooling_2d", x, regions_of("roi_max_pooling_2d", x, rois, roi_indices, options), 0,
                      options);
}

Variable roi_average_pooling_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                                const RegionOptions& options) {
  const char* name = "roi_average_pooling_2d";
  const std::vector<Region> regions = regions_of(name, x, rois, roi_indices, options);
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3],
                     bins = options.height * options.width;
  std::vector<std::vector<std::vector<std::int64_t>>> all;
  std::size_t most = 1;
  for (const Region& region : regions) {
    all.push_back(pixels_of_bins(region, 0, options, height, width));
    for (const auto& own : all.back()) most = std::max(most, own.size());
  }
  const auto count = static_cast<std::int64_t>(regions.size()), pixels = static_cast<std::int64_t>(most);
  Array positions = full({count, channels, bins, pixels}, -1, Dtype::kInt64),
        shares = zeros({count, 1, bins}, Dtype::kFloat64);
  for (std::int64_t i = 0; i < count * channels * bins; ++i) {
    const std::int64_t r = i / bins / channels, c = i / bins % channels, b = i % bins;
    const auto& own = all[static_cast<std::size_t>(r)][static_cast<std::size_t>(b)];
    const std::int64_t plane = (regions[static_cast<std::size_t>(r)].picture * channels + c) * height * width;
    for (std::size_t k = 0; k < own.size(); ++k)
      positions.data<std::int64_t>()[i * pixels + static_cast<std::int64_t>(k)] = plane + own[k];
    shares.data<double>()[r * bins + b] = own.empty() ? 0 : 1 / static_cast<double>(own.size());
  }
  return shaped(sum(take_positions(name, x, positions), {3}) * constant_like(x, shares), options);
}

Variable roi_pooling_2d(const Variable& x, const Array& rois, std::int64_t height, std::int64_t width,
                        double spatial_scale) {
  if (rois.ndim() != 2 || rois.shape()[1] != 5)
    throw ShapeError("roi_pooling_2d: expected rois (R, 5), found ", rois.shape(), ".");
  const RegionOptions options{.height = height, .width = width, .spatial_scale = spatial_scale};
  const Array boxes = rois.to(Dtype::kFloat64);
  Array turned = empty({rois.shape()[0], 4}, Dtype::kFloat64);
  constexpr std::array<std::int64_t, 4> kYxyx = {2, 1, 4, 3};
  for (int i = 0; i < 4; ++i) turned.select(1, i).copy_from(boxes.select(1, kYxyx[static_cast<std::size_t>(i)]));
  const Array pictures = boxes.select(1, 0).to(Dtype::kInt64);
  return pool_maximum("roi_pooling_2d", x, regions_of("roi_pooling_2d", x, turned, pictures, options), /*grown=*/1,
                      options);
}

Variable roi_max_align_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                          const RegionOptions& options) {
  const char* name = "roi_max_align_2d";
  return shaped(max(read_samples(name, x, regions_of(name, x, rois, roi_indices, options), options), {3}), options);
}
Variable roi_average_align_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                              const RegionOptions& options) {
  const char* name = "roi_average_align_2d";
  return shaped(mean(read_samples(name, x, regions_of(name, x, rois, roi_indices, options), options), {3}), options);
}

}  // namespace rensa::functions
