#include "core/distributions/parameters.h"

#include <cmath>

#include "core/error.h"
#include "core/functions/random_arrays.h"

namespace rensa::distributions {

Array draw_batch(const Distribution& family, std::int64_t n, Dtype dtype,
                 const std::function<double(RandomStream&, std::size_t)>& next) {
  const Shape batch = family.batch_shape();
  Shape each = batch.ndim() == 0 ? Shape{1} : batch, whole = batch;
  for (const std::int64_t size : family.event_shape()) {
    each.push_back(size);
    whole.push_back(size);
  }
  whole.insert(0, n);
  const auto place = [&](RandomStream& random, std::int64_t i) { return next(random, static_cast<std::size_t>(i)); };
  return functions::draw_again(n, each, dtype, place).reshape(whole);
}

double draw_gamma(RandomStream& random, double shape) {
  if (!(shape > 0) || !std::isfinite(shape)) {
    throw ValueError("gamma: a shape of ", shape, ", expected a finite number above 0.");
  }
  if (shape < 1) return draw_gamma(random, shape + 1) * std::pow(random.open_uniform(), 1 / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(random.open_uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double draw_log_gamma(RandomStream& random, double shape) {
  if (!(shape < 1)) return std::log(draw_gamma(random, shape));
  const double larger = std::log(draw_gamma(random, shape + 1));
  return larger + std::log(random.open_uniform()) / shape;
}

}  // namespace rensa::distributions
