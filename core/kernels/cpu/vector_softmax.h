#pragma once

#include <cstdint>

namespace rensa::cpu {

// Softmax along one line of n >= 1 float32 numbers with the widest instructions of the processor. Sums are in float64
// and in lanes of a fixed order, so that they are the same on every processor that rounds exp alike.

/// What the softmax of a line is made of: exp(x - maximum) / sum.
struct LineSum {
  double maximum, sum;  ///< sum: of exp(x - maximum); no number if no element is above minus infinity
};
LineSum vector_line_sum(const float* x, std::int64_t n);
/// The sum of x - shift.
double vector_sum_of_differences(const float* x, float shift, std::int64_t n);

void vector_softmax(const float* x, float* y, std::int64_t n);
/// y (gy - sum(gy y))
void vector_softmax_grad(const float* y, const float* gy, float* gx, std::int64_t n);

void vector_log_softmax(const float* x, float* y, std::int64_t n);
/// gy - exp(y) sum(gy)
void vector_log_softmax_grad(const float* y, const float* gy, float* gx, std::int64_t n);

/// gx = g (exp(x - maximum) share - everywhere)
void vector_cross_entropy_grad(const float* x, float maximum, float share, float everywhere, float g, float* gx,
                               std::int64_t n);

}  // namespace rensa::cpu
