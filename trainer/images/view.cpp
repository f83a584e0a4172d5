#include "trainer/images/view.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace rensa::images {
namespace {

/// Halves go to the even neighbour, as Python rounds: torchvision's crops are to be met to the pixel.
int round_to_even(double value) { return static_cast<int>(std::nearbyint(value)); }

/// Crops first and resizes then: the filter sees nothing outside the part.
View of_part(const PixelBox& part, int size, bool flip) {
  return {static_cast<double>(part.top),
          static_cast<double>(part.left),
          static_cast<double>(part.height),
          static_cast<double>(part.width),
          part,
          size,
          size,
          flip};
}

PixelBox random_part(int height, int width, const RandomResizedCropOptions& options, RandomStream& random) {
  constexpr int kTries = 10;
  const double area = static_cast<double>(height) * width;
  for (int i = 0; i < kTries; ++i) {
    const double target = area * random.uniform(options.min_scale, options.max_scale);
    const double ratio = std::exp(random.uniform(std::log(options.min_ratio), std::log(options.max_ratio)));
    const int w = round_to_even(std::sqrt(target * ratio));
    const int h = round_to_even(std::sqrt(target / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const int top = static_cast<int>(random.below(static_cast<std::uint64_t>(height - h) + 1));
    const int left = static_cast<int>(random.below(static_cast<std::uint64_t>(width - w) + 1));
    return {top, left, h, w};
  }
  int h = height, w = width;
  const double ratio = static_cast<double>(width) / height;
  if (ratio < options.min_ratio) h = std::clamp(round_to_even(w / options.min_ratio), 1, height);
  if (ratio > options.max_ratio) w = std::clamp(round_to_even(h * options.max_ratio), 1, width);
  return {(height - h) / 2, (width - w) / 2, h, w};
}

/// The pixels of one axis that a filter around [start, start + length) can touch.
void widen(double start, double length, int size, int limit, int& first, int& count) {
  const double reach = std::max(length / size, 1.0) + 1;
  first = std::max(0, static_cast<int>(std::floor(start - reach)));
  count = std::min(limit, static_cast<int>(std::ceil(start + length + reach))) - first;
}

/// Where `pixels` lie in the upright picture, and how much they are reduced.
struct Placement {
  int top, left, denominator;
};

/// Calls use(rows, columns): the axes that make the sample of `pixels`.
template <class Use>
void with_axes(const Image& pixels, const Placement& placement, const View& view, const Use& use) {
  const int d = placement.denominator;
  const auto axis = [d](double start, double length, int size, int origin, int reach, int reach_count, int count) {
    const int low = std::max(0, (reach - origin) / d);
    const int high = std::min(count, (reach + reach_count - origin + d - 1) / d);
    return bilinear_axis((start - origin) / d, length / d, size, low, high);
  };
  const PixelBox& reach = view.reach;
  const ResampleAxis rows =
      axis(view.top, view.height, view.out_height, placement.top, reach.top, reach.height, pixels.height());
  ResampleAxis columns =
      axis(view.left, view.width, view.out_width, placement.left, reach.left, reach.width, pixels.width());
  if (view.flip) columns.reverse();
  use(rows, columns);
}

void render_placed(const Image& pixels, const Placement& placement, const View& view,
                   const Normalization& normalization, float* out) {
  with_axes(pixels, placement, view, [&](const ResampleAxis& rows, const ResampleAxis& columns) {
    resample(pixels, rows, columns, normalization, out);
  });
}

Image render_placed(const Image& pixels, const Placement& placement, const View& view) {
  Image out;
  with_axes(pixels, placement, view,
            [&](const ResampleAxis& rows, const ResampleAxis& columns) { out = resample(pixels, rows, columns); });
  return out;
}

}  // namespace

int decoding_denominator(const View& view) {
  constexpr double kSpare = 1.5;
  for (int denominator : {8, 4, 2}) {
    const double least = kSpare * denominator;
    if (view.height >= least * view.out_height && view.width >= least * view.out_width) return denominator;
  }
  return 1;
}

View random_resized_crop(int height, int width, const RandomResizedCropOptions& options, RandomStream& random) {
  const PixelBox part = random_part(height, width, options, random);
  return of_part(part, options.size, random.uniform() < options.flip_probability);
}

View centre_crop(int height, int width, int resize, int crop) {
  if (crop < 1 || crop > resize) {
    throw ValueError("centre_crop: a crop of ", crop, " pixels does not fit into a shorter side of ", resize,
                     ". Choose 1 <= crop <= resize.");
  }
  const int shorter = std::min(height, width), longer = std::max(height, width);
  const int resized_longer = static_cast<int>(static_cast<std::int64_t>(resize) * longer / shorter);
  const int resized_height = height <= width ? resize : resized_longer;
  const int resized_width = height <= width ? resized_longer : resize;
  const double row_scale = static_cast<double>(height) / resized_height;
  const double column_scale = static_cast<double>(width) / resized_width;
  View view;
  view.top = round_to_even((resized_height - crop) / 2.0) * row_scale;
  view.left = round_to_even((resized_width - crop) / 2.0) * column_scale;
  view.height = crop * row_scale;
  view.width = crop * column_scale;
  view.out_height = view.out_width = crop;
  widen(view.top, view.height, crop, height, view.reach.top, view.reach.height);
  widen(view.left, view.width, crop, width, view.reach.left, view.reach.width);
  return view;
}

void render(JpegReader& reader, const View& view, const Normalization& normalization, float* out) {
  const JpegRegion region = reader.decode_region(view.reach, decoding_denominator(view));
  render_placed(region.pixels, {region.top, region.left, region.denominator}, view, normalization, out);
}

void render(const Image& image, const View& view, const Normalization& normalization, float* out) {
  render_placed(image, {0, 0, 1}, view, normalization, out);
}

Image render_image(JpegReader& reader, const View& view) {
  const JpegRegion region = reader.decode_region(view.reach, decoding_denominator(view));
  return render_placed(region.pixels, {region.top, region.left, region.denominator}, view);
}

Image render_image(const Image& image, const View& view) { return render_placed(image, {0, 0, 1}, view); }

}  // namespace rensa::images
