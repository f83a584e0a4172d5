#include "core/initializers/initializer.h"

#include <cmath>

#include "core/array/dispatch.h"
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

/// Writes draw(stream) into every element, in row-major order of the shape, whatever the layout in memory: the same numbers
/// on any number of threads, each of which skips what the others draw. A draw takes `words` words of the stream.
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

}  // namespace rensa::init
