#include "core/array/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace rensa::random {
namespace {

template <class T, class Draw>
Array drawn(const Shape& shape, const Draw& draw) {
  Array values = empty(shape, kDtypeOf<T>);
  T* to = values.data<T>();
  for (std::int64_t i = 0; i < values.size(); ++i) to[i] = draw();
  return values;
}

}  // namespace

Array uniform(const Shape& shape, RandomStream& stream, double low, double high, Dtype dtype) {
  return drawn<double>(shape, [&] { return stream.uniform(low, high); }).to(dtype);
}
Array normal(const Shape& shape, RandomStream& stream, double mean, double deviation, Dtype dtype) {
  return drawn<double>(shape, [&] { return mean + deviation * stream.normal(); }).to(dtype);
}
Array integers(const Shape& shape, RandomStream& stream, std::int64_t low, std::int64_t high) {
  if (low >= high) throw ValueError("random::integers: low is ", low, ", high is ", high, "; expected low < high.");
  return drawn<std::int64_t>(
      shape, [&] { return low + static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(high - low))); });
}
Array bernoulli(const Shape& shape, RandomStream& stream, double probability) {
  if (!(probability >= 0 && probability <= 1))
    throw ValueError("random::bernoulli: the probability is ", probability, ", expected 0 to 1.");
  return drawn<std::uint8_t>(shape, [&] { return static_cast<std::uint8_t>(stream.uniform() < probability); })
      .to(Dtype::kBool);
}
Array gumbel(const Shape& shape, RandomStream& stream, Dtype dtype) {
  return drawn<double>(shape, [&] { return -std::log(-std::log1p(-stream.uniform())); }).to(dtype);
}
Array exponential(const Shape& shape, RandomStream& stream, double scale, Dtype dtype) {
  return drawn<double>(shape, [&] { return -scale * std::log1p(-stream.uniform()); }).to(dtype);
}

Array permutation(std::int64_t n, RandomStream& stream) {
  Array order = arange(n);
  auto* at = order.data<std::int64_t>();
  for (std::int64_t i = n - 1; i > 0; --i) std::swap(at[i], at[stream.below(static_cast<std::uint64_t>(i) + 1)]);
  return order;
}

Array choice(std::int64_t n, std::int64_t count, RandomStream& stream, bool replace, const Array& probabilities) {
  if (n < 1 || count < 0 || (!replace && count > n)) {
    throw ValueError("random::choice: ", count, " of ", n, " numbers", replace ? "" : " without replacing them",
                     " cannot be taken.");
  }
  if (!probabilities) {
    if (replace) return integers({count}, stream, 0, n);
    return permutation(n, stream).slice(0, {.start = 0, .stop = count}).contiguous();
  }
  if (probabilities.shape() != Shape{n})
    throw ShapeError("random::choice: the probabilities are ", probabilities.shape(), ", expected (", n, ",).");
  std::vector<double> p = to_vector<double>(probabilities);
  double total = 0;
  for (const double v : p) {
    if (!(v >= 0)) throw ValueError("random::choice: a probability is ", v, ", expected 0 or more.");
    total += v;
  }
  return drawn<std::int64_t>({count}, [&]() -> std::int64_t {
    if (!(total > 0))
      throw ValueError("random::choice: the probabilities that are left sum to ", total, ", expected more than 0.");
    double left = stream.uniform() * total;
    std::size_t i = 0, last = 0;
    for (; i < p.size(); ++i) {
      if (p[i] > 0) last = i;
      left -= p[i];
      if (left < 0 && p[i] > 0) break;
    }
    if (i == p.size()) i = last;  // rounding
    if (!replace) {
      p[i] = 0;
      total = std::accumulate(p.begin(), p.end(), 0.0);
    }
    return static_cast<std::int64_t>(i);
  });
}

}  // namespace rensa::random
