#include "trainer/images/resample.h"

#include <algorithm>
#include <cmath>
#include <iterator>

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

namespace {

Affine affine_of(const Normalization& normalization) {
  Affine affine{};
  for (std::size_t i = 0; i < std::size(affine.scale); ++i) {
    const std::size_t c = i % Image::kChannels;
    affine.scale[i] = 1 / (255 * normalization.std[c]);
    affine.shift[i] = -normalization.mean[c] / normalization.std[c];
  }
  return affine;
}

/// The pass along the columns: the axis in the form that the kernel wants, and kRowsAtOnce rows of floats for its
/// input.
class ColumnPass {
 public:
  explicit ColumnPass(const ResampleAxis& columns) : taps_(std::ranges::max(columns.count)), size_(columns.size()) {
    left_ = std::ranges::min(columns.first);
    int right = 0;
    for (std::size_t i = 0; i < columns.first.size(); ++i) right = std::max(right, columns.first[i] + columns.count[i]);
    width_ = static_cast<std::size_t>(right - left_) * Image::kChannels;
    weights_.assign(static_cast<std::size_t>(size_) * static_cast<std::size_t>(taps_), 0.0f);
    first_.reserve(columns.first.size());
    for (int x = 0; x < size_; ++x) {
      const auto at = static_cast<std::size_t>(x);
      first_.push_back((columns.first[at] - left_) * Image::kChannels);
      std::copy_n(columns.weights.begin() + x * columns.taps, columns.count[at], weights_.begin() + x * taps_);
    }
    stride_ = width_ + static_cast<std::size_t>(taps_) * Image::kChannels + kSpare;
    input_.assign(stride_ * kRowsAtOnce, 0.0f);
  }

  int left() const { return left_; }            ///< first pixel of a row that counts
  std::size_t width() const { return width_; }  ///< values from there that count
  std::size_t out_width() const { return static_cast<std::size_t>(size_) * Image::kChannels; }
  float* input(int i) { return input_.data() + stride_ * static_cast<std::size_t>(i); }

  /// From the input rows into rows of out_width() values.
  void run(float* const* out) {
    const float* in[kRowsAtOnce];
    for (int i = 0; i < kRowsAtOnce; ++i) in[i] = input(i);
    blend_columns(in, {first_.data(), weights_.data(), taps_, size_}, out);
  }

 private:
  static constexpr std::size_t kSpare = 1;  // the lane behind a pixel

  const int taps_, size_;
  int left_ = 0;
  std::size_t width_ = 0, stride_ = 0;
  std::vector<int> first_;
  std::vector<float> weights_, input_;
};

/// Along the columns first, then along the rows: less work where a crop is enlarged, and so has fewer rows than the
/// result. Calls finish(y, rows, weights, count) with the floats that row y of the result is made of.
template <class Finish>
void columns_first(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns, const Finish& finish) {
  ColumnPass pass(columns);
  // Rows are needed from the top down: those of one result, and the others of a group of kRowsAtOnce.
  const int most = std::ranges::max(rows.count), kept = most + kRowsAtOnce - 1;
  std::vector<float> resized(pass.out_width() * static_cast<std::size_t>(kept));
  const auto place = [&](int y) { return resized.data() + pass.out_width() * static_cast<std::size_t>(y % kept); };
  std::vector<const float*> inputs(static_cast<std::size_t>(most));
  int next = rows.first.front();  // the first row that is not resized yet
  for (int y = 0; y < rows.size(); ++y) {
    const auto at = static_cast<std::size_t>(y);
    for (int k = 0; k < rows.count[at]; ++k) {
      const int row = rows.first[at] + k;
      for (; row >= next; next += kRowsAtOnce) {
        float* out[kRowsAtOnce];
        for (int i = 0; i < kRowsAtOnce; ++i) {
          out[i] = place(next + i);
          if (next + i < image.height()) widen_row(image.at(next + i, pass.left()), pass.width(), pass.input(i));
        }
        pass.run(out);
      }
      inputs[static_cast<std::size_t>(k)] = place(row);
    }
    finish(y, inputs.data(), rows.weights.data() + y * rows.taps, rows.count[at]);
  }
}

/// Along the rows first, with `affine` (the weights of a pixel sum to 1, so it may come first), then along the columns:
/// less work where a crop is reduced. Row y of the result comes to lie at place(y), then finish(y, row) is called.
template <class Place, class Finish>
void rows_first(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns, const Affine& affine,
                const Place& place, const Finish& finish) {
  ColumnPass pass(columns);
  std::vector<float> unused(pass.out_width());
  std::vector<const std::uint8_t*> inputs(static_cast<std::size_t>(std::ranges::max(rows.count)));
  for (int y = 0; y < rows.size(); y += kRowsAtOnce) {
    float* out[kRowsAtOnce];
    const int count = std::min(kRowsAtOnce, rows.size() - y);
    for (int i = 0; i < kRowsAtOnce; ++i) out[i] = i < count ? place(y + i) : unused.data();
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(y + i);
      for (int k = 0; k < rows.count[at]; ++k) {
        inputs[static_cast<std::size_t>(k)] = image.at(rows.first[at] + k, pass.left());
      }
      blend_rows(inputs.data(), rows.weights.data() + (y + i) * rows.taps, rows.count[at], pass.width(), affine,
                 pass.input(i));
    }
    pass.run(out);
    for (int i = 0; i < count; ++i) finish(y + i, out[i]);
  }
}

bool is_enlarged(const ResampleAxis& rows) {
  return rows.first.back() + rows.count.back() - rows.first.front() <= rows.size();
}

}  // namespace

void resample(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns,
              const Normalization& normalization, float* out) {
  const Affine affine = affine_of(normalization);
  const std::size_t width = static_cast<std::size_t>(columns.size()) * Image::kChannels;
  const auto row = [&](int y) { return out + static_cast<std::size_t>(y) * width; };
  if (is_enlarged(rows)) {
    columns_first(image, rows, columns, [&](int y, const float* const* in, const float* weights, int count) {
      blend_rows(in, weights, count, width, affine, row(y));
    });
  } else {
    rows_first(image, rows, columns, affine, row, [](int, const float*) {});
  }
}

Image resample(const Image& image, const ResampleAxis& rows, const ResampleAxis& columns) {
  Image out(rows.size(), columns.size());
  if (is_enlarged(rows)) {
    columns_first(image, rows, columns, [&](int y, const float* const* in, const float* weights, int count) {
      blend_rows(in, weights, count, out.row_bytes(), out.row(y));
    });
  } else {
    const Affine as_it_is = affine_of({.mean = {0, 0, 0}, .std = {1 / 255.f, 1 / 255.f, 1 / 255.f}});
    std::vector<float> group(out.row_bytes() * kRowsAtOnce);
    const auto place = [&](int y) {
      return group.data() + static_cast<std::size_t>(y % kRowsAtOnce) * out.row_bytes();
    };
    rows_first(image, rows, columns, as_it_is, place, [&](int y, const float* values) {
      constexpr float kWhole = 1;
      blend_rows(&values, &kWhole, 1, out.row_bytes(), out.row(y));
    });
  }
  return out;
}

void normalize(const Image& image, const Normalization& normalization, float* out) {
  normalize_row(image.row(0), image.bytes(), affine_of(normalization), out);
}

Image resize(const Image& image, int height, int width) {
  const ResampleAxis rows = bilinear_axis(0, image.height(), height, 0, image.height());
  const ResampleAxis columns = bilinear_axis(0, image.width(), width, 0, image.width());
  return resample(image, rows, columns);
}

}  // namespace rensa::images
