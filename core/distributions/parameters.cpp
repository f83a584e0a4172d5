#include "core/distributions/parameters.h"

#include <algorithm>
#include <cmath>

#include "core/functions/random_arrays.h"

namespace rensa::distributions {

Shape in_front(std::int64_t n, const Shape& shape) {
  Shape result = shape;
  result.insert(0, n);
  return result;
}

Array draw_batch(std::int64_t n, const Shape& batch, Dtype dtype,
                 const std::function<double(RandomStream&, std::size_t)>& next) {
  const std::int64_t size = std::max<std::int64_t>(1, total_size(batch));
  return functions::draw_each(in_front(n, batch), dtype, [&](RandomStream& random, std::int64_t i) {
    return next(random, static_cast<std::size_t>(i % size));
  });
}

double draw_open(RandomStream& random) { return 1 - random.uniform(); }

double draw_gamma(RandomStream& random, double shape) {
  if (shape < 1) return draw_gamma(random, shape + 1) * std::pow(draw_open(random), 1 / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(draw_open(random)) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace rensa::distributions
