#include "core/array/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include "core/array/dispatch.h"
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

/// The next number towards -infinity.
template <class T>
T next_below(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::nextafter(x, -std::numeric_limits<T>::infinity());
  } else {  // sign and magnitude
    constexpr std::uint16_t kSign = 0x8000;
    if ((x.bits & ~kSign) == 0) {
      x.bits = kSign | 1;
    } else {
      x.bits = static_cast<std::uint16_t>(x.bits & kSign ? x.bits + 1 : x.bits - 1);
    }
    return x;
  }
}

template <class T>
void round_below(const Array& values, double low, double high) {
  const auto wide = [](T v) {
    if constexpr (std::is_floating_point_v<T>) return static_cast<double>(v);
    return static_cast<double>(static_cast<float>(v));
  };
  T largest = static_cast<T>(std::is_floating_point_v<T> ? high : static_cast<float>(high));
  if (wide(largest) >= high) largest = next_below(largest);
  if (!(wide(largest) >= low)) return;  // there is no number of this type between them
  T* at = values.data<T>();
  for (std::int64_t i = 0; i < values.size(); ++i) {
    if (wide(at[i]) >= high) at[i] = largest;
  }
}

}  // namespace

Array rounded_below(const Array& values, double low, double high, Dtype dtype) {
  if (!is_floating(dtype)) return values.to(dtype);
  Array rounded = dtype == values.dtype() ? values.copy() : values.to(dtype);
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_integral_v<T>) round_below<T>(rounded, low, high);
  });
  return rounded;
}

Array uniform(const Shape& shape, RandomStream& stream, double low, double high, Dtype dtype) {
  return rounded_below(drawn<double>(shape, [&] { return stream.uniform(low, high); }), low, high, dtype);
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
  return drawn<double>(shape, [&] { return stream.gumbel(); }).to(dtype);
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
    const std::size_t i = stream.pick(p);
    if (!replace) {
      p[i] = 0;
      total = std::accumulate(p.begin(), p.end(), 0.0);
    }
    return static_cast<std::int64_t>(i);
  });
}

}  // namespace rensa::random
