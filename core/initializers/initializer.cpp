#include "core/initializers/initializer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/array/dispatch.h"
#include "core/error.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::init {
namespace {

struct Fans {
  double in, out;
};

Fans fans(const Shape& shape) {
  if (shape.ndim() == 0) return {1, 1};
  if (shape.ndim() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  double field = 1;
  for (int axis = 2; axis < shape.ndim(); ++axis) field *= static_cast<double>(shape[axis]);
  return {static_cast<double>(shape[1]) * field, static_cast<double>(shape[0]) * field};
}

/// Writes draw(stream) into every element, in row-major order of the shape, whatever the layout in memory: the same
/// numbers on any number of threads, each of which skips what the others draw. A draw takes `words` words of the
/// stream.
template <class Draw>
void fill_each(const Array& values, RandomStream& random, std::uint64_t words, const Draw& draw) {
  Array drawn = empty(values.shape(), Dtype::kFloat64);
  auto* const element = drawn.data<double>();
  constexpr std::int64_t kCost = 64;  // simple operations of a draw
  cpu::for_each_block(
      drawn.size(),
      [&](std::int64_t begin, std::int64_t end) {
        RandomStream part = random;
        part.skip(words * static_cast<std::uint64_t>(begin));
        for (std::int64_t i = begin; i < end; ++i) element[i] = draw(part);
      },
      kCost);
  random.skip(words * static_cast<std::uint64_t>(drawn.size()));
  values.copy_from(drawn);
}

template <class Deviation>
Initializer normal_by(Deviation deviation) {
  return [=](const Array& values, RandomStream& random) {
    const double sigma = deviation(fans(values.shape()));
    fill_each(values, random, 4, [sigma](RandomStream& stream) { return sigma * stream.normal(); });
  };
}

template <class Limit>
Initializer uniform_by(Limit limit) {
  return [=](const Array& values, RandomStream& random) {
    const double bound = limit(fans(values.shape()));
    fill_each(values, random, 2, [bound](RandomStream& stream) { return stream.uniform(-bound, bound); });
  };
}

}  // namespace

Initializer constant(double value) {
  return [=](const Array& values, RandomStream&) { values.fill(value); };
}
Initializer zeros() { return constant(0); }
Initializer ones() { return constant(1); }
Initializer normal(double scale) {
  return normal_by([=](Fans) { return scale; });
}
Initializer uniform(double scale) {
  return uniform_by([=](Fans) { return scale; });
}
Initializer lecun_normal(double scale) {
  return normal_by([=](Fans f) { return scale * std::sqrt(1 / f.in); });
}
Initializer glorot_uniform(double scale) {
  return uniform_by([=](Fans f) { return scale * std::sqrt(6 / (f.in + f.out)); });
}
Initializer glorot_normal(double scale) {
  return normal_by([=](Fans f) { return scale * std::sqrt(2 / (f.in + f.out)); });
}
Initializer he_normal(double scale, bool fan_out) {
  return normal_by([=](Fans f) { return scale * std::sqrt(2 / (fan_out ? f.out : f.in)); });
}
Initializer he_uniform(double scale) {
  return uniform_by([=](Fans f) { return scale * std::sqrt(6 / f.in); });
}

Initializer lecun_uniform(double scale) {
  return uniform_by([=](Fans f) { return scale * std::sqrt(3 / f.in); });
}
Initializer nan() { return constant(std::nan("")); }

Initializer identity(double scale) {
  return [=](const Array& values, RandomStream&) {
    if (values.ndim() != 2 || values.shape()[0] != values.shape()[1]) {
      throw ShapeError("init::identity: expected a square matrix, found ", values.shape(), ".");
    }
    values.fill(0);
    for (std::int64_t i = 0; i < values.shape()[0]; ++i) values.select(0, i).select(0, i).fill(scale);
  };
}

Initializer orthogonal(double scale) {
  return [=](const Array& values, RandomStream& random) {
    if (values.ndim() == 0 || values.size() == 0)
      throw ShapeError("init::orthogonal: expected a matrix, found ", values.shape(), ".");
    const std::int64_t rows = values.shape()[0], columns = values.size() / rows;
    const std::int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    std::vector<std::vector<double>> basis;  // `count` vectors of `length`, made orthogonal twice for the digits' sake
    while (static_cast<std::int64_t>(basis.size()) < count) {
      std::vector<double> v(static_cast<std::size_t>(length));
      for (double& x : v) x = random.normal();
      for (int pass = 0; pass < 2; ++pass) {
        for (const auto& b : basis) {
          const double dot = std::inner_product(v.begin(), v.end(), b.begin(), 0.0);
          for (std::size_t i = 0; i < v.size(); ++i) v[i] -= dot * b[i];
        }
      }
      const double norm = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
      for (double& x : v) x /= norm;
      basis.push_back(std::move(v));
    }
    Array matrix = empty({rows, columns}, Dtype::kFloat64);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const auto which = static_cast<std::size_t>(rows <= columns ? r : c),
                   at = static_cast<std::size_t>(rows <= columns ? c : r);
        matrix.data<double>()[r * columns + c] = scale * basis[which][at];
      }
    }
    values.copy_from(matrix.reshape(values.shape()));
  };
}

namespace {

/// The product over all axes of windows of size k that rise to their centre and fall, on the diagonal of (channels,
/// channels) or at every channel of (channels, 1).
Initializer linear_window(const char* name, bool of_sum_1) {
  return [=](const Array& values, RandomStream&) {
    const Shape& s = values.shape();
    bool is_cube = s.ndim() >= 3 && (s[0] == s[1] || s[1] == 1);
    for (int axis = 2; axis < s.ndim(); ++axis) is_cube = is_cube && s[axis] == s[2];
    if (!is_cube) throw ShapeError(name, ": expected W (channels, channels or 1, k, …, k), found ", s, ".");
    const std::int64_t k = s[2];
    const double factor = std::floor((static_cast<double>(k) + 1) / 2), centre = k % 2 == 1 ? factor - 1 : factor - 0.5;
    std::vector<double> window = {1};
    for (int axis = 2; axis < s.ndim(); ++axis) {
      std::vector<double> longer;
      for (const double before : window) {
        for (std::int64_t x = 0; x < k; ++x) {
          longer.push_back(before * (1 - std::abs(static_cast<double>(x) - centre) / factor));
        }
      }
      window = std::move(longer);
    }
    const double total = of_sum_1 ? std::accumulate(window.begin(), window.end(), 0.0) : 1;
    for (double& value : window) value /= total;
    Shape sides = s;
    sides.erase(0);
    sides.erase(0);
    const Array of_channel = array(window, sides);
    values.fill(0);
    for (std::int64_t c = 0; c < s[0]; ++c) values.select(0, c).select(0, s[1] == 1 ? 0 : c).copy_from(of_channel);
  };
}

}  // namespace

Initializer upsampling_deconvolution() { return linear_window("init::upsampling_deconvolution", false); }
Initializer downsampling_convolution() { return linear_window("init::downsampling_convolution", true); }

}  // namespace rensa::init
