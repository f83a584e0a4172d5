#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/array/array.h"
#include "core/array/random.h"
#include "tests/support/gpu.h"

namespace rensa::testing {

inline constexpr Dtype kFloatingTypes[] = {Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16, Dtype::kBFloat16};

/// How far a result computed in float32 and rounded to `dtype` may be from another such one, relative to the largest
/// element.
inline double tolerance_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat64:
      return 1e-12;
    case Dtype::kFloat16:
      return 0x1p-9;
    case Dtype::kBFloat16:
      return 0x1p-6;
    default:
      return 4e-6;
  }
}

/// Normal numbers of a seed, on the host.
inline Array numbers(const Shape& shape, Dtype dtype, std::uint64_t seed, double mean = 0, double deviation = 1) {
  RandomStream stream(seed, Purpose::kUser);
  return random::normal(shape, stream, mean, deviation, dtype);
}

/// The loosest tolerance of the floating inputs: results may have a wider dtype than what they were computed in.
inline double tolerance_of(const std::vector<Array>& inputs) {
  double loosest = 0;
  for (const Array& x : inputs) {
    if (x && is_floating(x.dtype())) loosest = std::max(loosest, tolerance_of(x.dtype()));
  }
  return loosest;
}

/// The element that differs most, named with the dtype and both values. `tolerance` is relative to the largest element.
inline void expect_alike(const std::string& what, const Array& on_gpu, const Array& on_host, double tolerance) {
  ASSERT_EQ(on_gpu.device(), kGpu) << what;
  ASSERT_EQ(on_gpu.shape(), on_host.shape()) << what;
  ASSERT_EQ(on_gpu.dtype(), on_host.dtype()) << what;
  const std::vector<double> found = to_vector<double>(on_gpu), expected = to_vector<double>(on_host);
  double largest = 0, worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isfinite(expected[i])) largest = std::max(largest, std::abs(expected[i]));
    const bool same = found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i]));
    const double difference = same ? 0 : std::abs(found[i] - expected[i]);
    if (!(difference <= worst)) {
      worst = difference;
      at = i;
    }
  }
  EXPECT_LE(worst, std::max(tolerance, tolerance_of(on_host.dtype())) * std::max(largest, 1e-3))
      << what << " " << on_host.dtype() << " " << on_host.shape() << ": element " << at << " is "
      << (found.empty() ? 0 : found[at]) << ", on the CPU " << (expected.empty() ? 0 : expected[at]);
}

inline std::vector<Array> moved(const std::vector<Array>& arrays) {
  std::vector<Array> there;
  for (const Array& x : arrays) there.push_back(x ? x.to(kGpu) : x);
  return there;
}

/// f of `inputs`, which returns an array, on the CPU and on the GPU. `factor` multiplies the tolerance, for long sums.
template <class F>
void expect_same(const std::string& what, const std::vector<Array>& inputs, const F& f, double factor = 1) {
  SCOPED_TRACE(what);
  const Array on_host = f(inputs), on_gpu = f(moved(inputs));
  expect_alike(what, on_gpu, on_host, factor * tolerance_of(inputs));
}

/// The same of an f that returns several.
template <class F>
void expect_same_all(const std::string& what, const std::vector<Array>& inputs, const F& f, double factor = 1) {
  SCOPED_TRACE(what);
  const auto on_host = f(inputs);
  const auto on_gpu = f(moved(inputs));
  for (std::size_t i = 0; i < on_host.size(); ++i) {
    if (on_host[i])
      expect_alike(what + " result " + std::to_string(i), on_gpu[i], on_host[i], factor * tolerance_of(inputs));
  }
}

/// The same of an f that writes into its inputs.
template <class F>
void expect_same_written(const std::string& what, const std::vector<Array>& inputs, const F& f, double factor = 1) {
  expect_same_all(
      what, inputs,
      [&](const std::vector<Array>& given) {
        std::vector<Array> own;
        for (const Array& x : given) own.push_back(x ? x.copy() : x);
        f(own);
        return own;
      },
      factor);
}

}  // namespace rensa::testing
