#include "core/functions/random_arrays.h"

#include "core/array/random.h"

namespace rensa::functions {
namespace {

constexpr int kSampleBits = 40;  // the operation's number within the step goes above the sample's, as in dropout

/// (n, shape…) in float64.
template <class Draw>
Array drawn(std::int64_t n, const Shape& shape, const Draw& next) {
  const RandomContext at = random_context();
  ++random_context().uses;
  Shape whole = shape;
  whole.insert(0, n);
  Array values = empty(whole, Dtype::kFloat64);
  const std::int64_t rows = shape.ndim() == 0 ? 1 : shape[0], size = total_size(shape),
                     row = rows == 0 ? 0 : size / rows;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::uint64_t sample = at.first_sample + static_cast<std::uint64_t>(i);
    RandomStream stream(at.seed, Purpose::kDropout, at.step, sample | std::uint64_t{at.uses} << kSampleBits);
    for (std::int64_t draw = 0; draw < n; ++draw) {
      double* to = values.data<double>() + draw * size;
      for (std::int64_t k = i * row; k < (i + 1) * row; ++k) to[k] = next(stream, k);
    }
  }
  return values;
}

template <class Draw>
Array drawn(const Shape& shape, const Draw& next) {
  return drawn(1, shape, next).reshape(shape);
}

}  // namespace

Array draw_uniform(const Shape& shape, double low, double high, Dtype dtype) {
  return random::rounded_below(drawn(shape, [&](RandomStream& s, std::int64_t) { return s.uniform(low, high); }), low,
                               high, dtype);
}
Array draw_normal(const Shape& shape, Dtype dtype) {
  return drawn(shape, [](RandomStream& s, std::int64_t) { return s.normal(); }).to(dtype);
}
Array draw_gumbel(const Shape& shape, Dtype dtype) {
  return drawn(shape, [](RandomStream& s, std::int64_t) { return s.gumbel(); }).to(dtype);
}

Array draw_each(const Shape& shape, Dtype dtype, const std::function<double(RandomStream&, std::int64_t)>& next) {
  return drawn(shape, next).to(dtype);
}
Array draw_again(std::int64_t n, const Shape& shape, Dtype dtype,
                 const std::function<double(RandomStream&, std::int64_t)>& next) {
  return drawn(n, shape, next).to(dtype);
}

}  // namespace rensa::functions
