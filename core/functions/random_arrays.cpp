#include "core/functions/random_arrays.h"

namespace rensa::functions {
namespace {

constexpr int kSampleBits = 40;  // the operation's number within the step goes above the sample's, as in dropout

template <class Draw>
Array draw(const Shape& shape, Dtype dtype, const Draw& next) {
  const RandomContext at = random_context();
  ++random_context().uses;
  Array values = empty(shape, Dtype::kFloat64);
  const std::int64_t rows = shape.ndim() == 0 ? 1 : shape[0], row = rows == 0 ? 0 : values.size() / rows;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::uint64_t sample = at.first_sample + static_cast<std::uint64_t>(i);
    RandomStream stream(at.seed, Purpose::kDropout, at.step, sample | std::uint64_t{at.uses} << kSampleBits);
    for (std::int64_t k = i * row; k < (i + 1) * row; ++k) values.data<double>()[k] = next(stream, k);
  }
  return values.to(dtype);
}

}  // namespace

Array draw_uniform(const Shape& shape, double low, double high, Dtype dtype) {
  return draw(shape, dtype, [&](RandomStream& s, std::int64_t) { return s.uniform(low, high); });
}
Array draw_normal(const Shape& shape, Dtype dtype) {
  return draw(shape, dtype, [](RandomStream& s, std::int64_t) { return s.normal(); });
}

Array draw_each(const Shape& shape, Dtype dtype, const std::function<double(RandomStream&, std::int64_t)>& next) {
  return draw(shape, dtype, next);
}

}  // namespace rensa::functions
