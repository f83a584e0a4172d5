#include "core/functions/region_pooling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/positions.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/windows.h"

namespace rensa::functions {
namespace {

/// A region in x's pixels, and its picture.
struct Region {
  std::int64_t picture;
  double top, left, bottom, right;
};

constexpr double kFarthestPixel = 1e9;  ///< from the first; far beyond it numbers of pixels are not exact

std::vector<Region> regions_of(const char* name, const Variable& x, const Array& rois, const Array& indices,
                               const RegionOptions& o) {
  if (x.ndim() != 4 || rois.ndim() != 2 || rois.shape()[1] != 4 || indices.shape() != Shape{rois.shape()[0]}) {
    throw ShapeError(name, ": expected x (batch, C, H, W), rois (R, 4) and their indices (R), found ", x.shape(), ", ",
                     rois.shape(), " and ", indices.shape(), ".");
  }
  const auto samples = each_axis(name, o.sampling_ratio, 2, 1);
  if (o.height < 1 || o.width < 1 || !(o.spatial_scale > 0) || samples[0] < 1 || samples[1] < 1) {
    throw ValueError(name, ": size ", o.height, " × ", o.width, ", scale ", o.spatial_scale, ", sampling ratio ",
                     samples[0], " × ", samples[1], "; expected numbers above 0.");
  }
  const std::vector<double> r = to_vector<double>(rois);
  const std::vector<std::int64_t> pictures = to_vector<std::int64_t>(indices);
  std::vector<Region> regions;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i] < 0 || pictures[i] >= x.shape()[0]) {
      throw IndexError(name, ": region ", i, " is in picture ", pictures[i], ", the batch has ", x.shape()[0], ".");
    }
    const double s = o.spatial_scale;
    const Region region{pictures[i], r[4 * i] * s, r[4 * i + 1] * s, r[4 * i + 2] * s, r[4 * i + 3] * s};
    for (const double edge : {region.top, region.left, region.bottom, region.right}) {
      if (std::abs(edge) <= kFarthestPixel) continue;
      throw ValueError(name, ": region ", i, " has an edge at pixel ", edge, ", expected at most ", kFarthestPixel,
                       " from the first one.");
    }
    regions.push_back(region);
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
            const auto left = values[plane + l], right = values[plane + r];
            return left < right || (right != right && left == left);  // not-a-number is the largest
          });
          *to++ = largest == own.end() ? -1 : plane + *largest;
        }
      }
    }
  });
  return take_positions(name, x, positions);
}

/// A place along one axis of the picture: between a pixel and the next one, which has the share `next`.
struct Place {
  std::int64_t pixel;
  double next;
};

/// A region's bins along one axis of the picture, and the places in each.
struct BinAxis {
  double start, length;  ///< of the first bin, in pixels
  std::int64_t each;     ///< places in a bin, those outside of the picture too
  BinAxis(double from, double to, std::int64_t bins, std::int64_t sampling_ratio)
      : start(from), length(std::max(to - from, 1.0) / static_cast<double>(bins)) {
    each = sampling_ratio > 0 ? sampling_ratio : static_cast<std::int64_t>(std::ceil(length));
  }

  /// The places of bin `b` that lie in a picture of `size` pixels: no more than a few a pixel, however long the region.
  std::vector<Place> read(std::int64_t b, std::int64_t size) const {
    const double per_bin = static_cast<double>(each), bin = static_cast<double>(b), last = static_cast<double>(size);
    const auto number_at = [&](double pixel) { return ((pixel - start) / length - bin) * per_bin - 0.5; };
    const double first = std::max(0.0, std::floor(number_at(-1)) - 1), end = std::min(per_bin, number_at(last) + 2);
    std::vector<Place> places;
    for (double k = first; k < end; ++k) {
      const double at = start + (bin + (k + 0.5) / per_bin) * length;
      if (at < -1 || at > last) continue;
      const double inside = std::clamp(at, 0.0, last - 1), pixel = std::floor(inside);
      places.push_back({static_cast<std::int64_t>(pixel), inside - pixel});
    }
    return places;
  }
};

/// The places that are read in the rows and in the columns of a region's bins.
struct Grid {
  std::int64_t picture;
  std::vector<std::vector<Place>> rows, columns;
  double share;  ///< of one place in its bin's average
  Grid(const Region& region, const Shape& x, const RegionOptions& o) : picture(region.picture) {
    const auto given = each_axis("sampling_ratio", o.sampling_ratio, 2, 0);
    const BinAxis down(region.top, region.bottom, o.height, given[0]),
        across(region.left, region.right, o.width, given[1]);
    for (std::int64_t b = 0; b < o.height; ++b) rows.push_back(down.read(b, x[2]));
    for (std::int64_t b = 0; b < o.width; ++b) columns.push_back(across.read(b, x[3]));
    share = 1 / (static_cast<double>(down.each) * static_cast<double>(across.each));
  }

  /// Places that are read in a bin, at most.
  std::int64_t places() const {
    std::size_t tall = 0, wide = 0;
    for (const auto& row : rows) tall = std::max(tall, row.size());
    for (const auto& column : columns) wide = std::max(wide, column.size());
    return static_cast<std::int64_t>(std::max<std::size_t>(1, tall * wide));
  }
};

/// x read between pixels: the same number of places in every bin, some of them unread.
struct Samples {
  Variable values;  ///< (R, C, bins, places); 0 where nothing was read
  Array unread;     ///< (R, 1, bins, places): -infinity where nothing was read, else 0
  Array average;    ///< (R, 1, 1): the share of one place in its bin
};

/// Each place is four pixels and their shares.
Samples read_samples(const char* name, const Variable& x, const std::vector<Grid>& grids, std::int64_t places,
                     const RegionOptions& o) {
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3];
  const std::int64_t count = static_cast<std::int64_t>(grids.size()), bins = o.height * o.width, each = bins * places;
  Array shares = zeros({4, count, 1, each}, Dtype::kFloat64),
        positions = full({4, count, channels, each}, -1, Dtype::kInt64),
        unread = full({count, 1, bins, places}, -std::numeric_limits<double>::infinity(), Dtype::kFloat64),
        average = empty({count, 1, 1}, Dtype::kFloat64);
  const auto set = [&](std::int64_t r, std::int64_t i, const Place& y, const Place& z) {
    unread.data<double>()[r * each + i] = 0;
    for (std::int64_t corner = 0; corner < 4; ++corner) {
      const std::int64_t dy = corner / 2, dx = corner % 2;
      const std::int64_t pixel = std::min(y.pixel + dy, height - 1) * width + std::min(z.pixel + dx, width - 1);
      shares.data<double>()[(corner * count + r) * each + i] = (dy ? y.next : 1 - y.next) * (dx ? z.next : 1 - z.next);
      const std::int64_t picture = grids[static_cast<std::size_t>(r)].picture;
      for (std::int64_t c = 0; c < channels; ++c) {
        positions.data<std::int64_t>()[((corner * count + r) * channels + c) * each + i] =
            (picture * channels + c) * height * width + pixel;
      }
    }
  };
  for (std::int64_t r = 0; r < count; ++r) {
    const Grid& grid = grids[static_cast<std::size_t>(r)];
    average.data<double>()[r] = grid.share;
    for (std::int64_t b = 0; b < bins; ++b) {
      std::int64_t i = b * places;
      for (const Place& y : grid.rows[static_cast<std::size_t>(b / o.width)]) {
        for (const Place& z : grid.columns[static_cast<std::size_t>(b % o.width)]) set(r, i++, y, z);
      }
    }
  }
  const Variable y = sum(take_positions(name, x, positions) * constant_like(x, shares), {0});
  return {reshape(y, {count, channels, bins, places}), unread, average};
}

Variable shaped(const Variable& y, const RegionOptions& o) {
  return reshape(y, {y.shape()[0], y.shape()[1], o.height, o.width});
}

/// Regions that read equally many places in a bin, by their numbers.
struct Group {
  std::vector<std::int64_t> regions;
  std::vector<Grid> grids;
};

/// `pool` of the regions' samples, as (R, C, height, width). Each group is read by itself: together all regions would
/// take arrays as large as the largest one's.
template <class Pool>
Variable pool_samples(const char* name, const Variable& x, const std::vector<Region>& regions, const RegionOptions& o,
                      const Pool& pool) {
  std::map<std::int64_t, Group> groups;
  if (regions.empty()) groups[1] = {};
  for (std::size_t r = 0; r < regions.size(); ++r) {
    const Grid grid(regions[r], x.shape(), o);
    Group& group = groups[grid.places()];
    group.regions.push_back(static_cast<std::int64_t>(r));
    group.grids.push_back(grid);
  }
  Variables pooled;
  std::vector<std::int64_t> row_of(regions.size());
  std::int64_t row = 0;
  for (const auto& [places, group] : groups) {
    pooled.push_back(pool(read_samples(name, x, group.grids, places, o)));
    for (const std::int64_t r : group.regions) row_of[static_cast<std::size_t>(r)] = row++;
  }
  return shaped(pooled.size() == 1 ? pooled.front() : take(concat(pooled, 0), array(row_of, {row}), 0), o);
}

}  // namespace

Variable roi_max_pooling_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                            const RegionOptions& options) {
  return pool_maximum("roi_max_pooling_2d", x, regions_of("roi_max_pooling_2d", x, rois, roi_indices, options), 0,
                      options);
}

Variable roi_average_pooling_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                                const RegionOptions& options) {
  if (is_half(x.dtype())) {  // the sum may be beyond float16's range where the mean is not; so in the aligned one
    return cast(roi_average_pooling_2d(cast(x, Dtype::kFloat32), rois, roi_indices, options), x.dtype());
  }
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
  return pool_samples(name, x, regions_of(name, x, rois, roi_indices, options), options,
                      [&](const Samples& read) { return max(read.values + constant_like(x, read.unread), {3}); });
}
Variable roi_average_align_2d(const Variable& x, const Array& rois, const Array& roi_indices,
                              const RegionOptions& options) {
  if (is_half(x.dtype())) {
    return cast(roi_average_align_2d(cast(x, Dtype::kFloat32), rois, roi_indices, options), x.dtype());
  }
  const char* name = "roi_average_align_2d";
  return pool_samples(name, x, regions_of(name, x, rois, roi_indices, options), options,
                      [&](const Samples& read) { return sum(read.values, {3}) * constant_like(x, read.average); });
}

}  // namespace rensa::functions
