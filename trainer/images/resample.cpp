#include "trainer/images/resample.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "trainer/images/resample_kernels.h"

namespace rensa::images {

void ResampleAxis::reverse() {
  std::ranges::reverse(first);
  std::ranges::reverse(count);
  std::vector<float> mirrored(weights.size());
  for (int i = 0; i < size(); ++i) {
    std::copy_n(weights.begin() + i * taps, taps, mirrored.begin() + (size() - 1 - i) * taps);
  }
  weights = std::move(mirrored);
}

ResampleAxis bilinear_axis(double start, double length, int size, int low, int high) {
  if (!(length > 0) || size < 1 || low >= high) {
    throw ValueError("resize: ", length, " pixels from ", start, ", inside [", low, ", ", high, "), cannot become ",
                     size, " pixels: every size must be positive.");
  }
  const double scale = length / size;
  const double reach = std::max(scale, 1.0);  // half the width of the triangle
  ResampleAxis axis;
  axis.taps = static_cast<int>(std::ceil(reach)) * 2 + 1;
  axis.first.resize(static_cast<std::size_t>(size));
  axis.count.resize(static_cast<std::size_t>(size));
  axis.weights.assign(static_cast<std::size_t>(size) * static_cast<std::size_t>(axis.taps), 0.0f);
  std::vector<double> triangle(static_cast<std::size_t>(axis.taps));
  for (int i = 0; i < size; ++i) {
    const double centre = start + (i + 0.5) * scale;
    const int first = std::clamp(static_cast<int>(std::floor(centre - reach + 0.5)), low, high - 1);
    const int last = std::clamp(static_cast<int>(std::floor(centre + reach + 0.5)), first + 1, high);
    const int count = std::min(last - first, axis.taps);
    double sum = 0;
    for (int k = 0; k < count; ++k) {
      triangle[static_cast<std::size_t>(k)] = std::max(0.0, 1 - std::abs((first + k + 0.5 - centre) / reach));
      sum += triangle[static_cast<std::size_t>(k)];
    }
    axis.first[static_cast<std::size_t>(i)] = first;
    axis.count[static_cast<std::size_t>(i)] = count;
    float* weights = axis.weights.data() + i * axis.taps;
    for (int k = 0; k < count; ++k) {
      // At a rim that cuts the triangle's foot off, all weights can be 0: the rim's pixel then counts alone.
      weights[k] = sum > 0 ? static_cast<float>(triangle[static_cast<std::size_t>(k)] / sum) : (k == 0 ? 1.0f : 0.0f);
    }
  }
  return axis;
}

void resample(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns,
              const Normalization& normalization, float* out) {
  // Rows first: that pass is one long multiply-add over contiguous pixels, and leaves little for the columns' pass.
  const int left = std::ranges::min(columns.first);
  int right = 0;
  for (std::size_t i = 0; i < columns.first.size(); ++i) right = std::max(right, columns.first[i] + columns.count[i]);
  const auto width = static_cast<std::size_t>(right - left) * Image::kChannels;

  Affine affine{};
  for (std::size_t c = 0; c < Image::kChannels; ++c) {
    affine.scale[c] = 1 / (255 * normalization.std[c]);
    affine.shift[c] = -normalization.mean[c] / normalization.std[c];
  }
  std::vector<int> first(columns.first);
  for (int& at : first) at = (at - left) * Image::kChannels;
  const ColumnWeights column_weights{first.data(), columns.count.data(), columns.weights.data(), columns.taps,
                                     columns.size()};

  std::vector<float> blended(width + kPaddingFloats);
  std::vector<const std::uint8_t*> inputs(static_cast<std::size_t>(rows.taps));
  const std::size_t out_row = static_cast<std::size_t>(columns.size()) * Image::kChannels;
  for (int y = 0; y < rows.size(); ++y) {
    const auto at = static_cast<std::size_t>(y);
    for (int k = 0; k < rows.count[at]; ++k) inputs[static_cast<std::size_t>(k)] = image.at(rows.first[at] + k, left);
    blend_rows(inputs.data(), rows.weights.data() + y * rows.taps, rows.count[at], width, blended.data());
    blend_columns(blended.data(), column_weights, affine, out + at * out_row);
  }
}

Image resize(const Image& image, int height, int width) {
  const ResampleAxis rows = bilinear_axis(0, image.height(), height, 0, image.height());
  const ResampleAxis columns = bilinear_axis(0, image.width(), width, 0, image.width());
  Image small(height, width);
  std::vector<float> values(small.bytes());
  resample(image, rows, columns, {.mean = {0, 0, 0}, .std = {1 / 255.f, 1 / 255.f, 1 / 255.f}}, values.data());
  std::ranges::transform(values, small.row(0),
                         [](float value) { return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); });
  return small;
}

}  // namespace rensa::images
