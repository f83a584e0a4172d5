#pragma once

#include <cstdint>

namespace rensa::cpu {

// float32 functions with the widest instructions of the processor, within 4 units in the last place of the exact value
// (gelu 6, gelu_tanh 12 where it is not nearly 0). An element's bits do not depend on its place or on the number of
// elements.

void vector_exp(const float* x, float* y, std::int64_t count);
void vector_log(const float* x, float* y, std::int64_t count);
void vector_tanh(const float* x, float* y, std::int64_t count);
void vector_sigmoid(const float* x, float* y, std::int64_t count);

// Activations and their first derivatives times gy.
void vector_gelu(const float* x, float* y, std::int64_t count);
void vector_gelu_grad(const float* x, const float* gy, float* gx, std::int64_t count);
void vector_gelu_tanh(const float* x, float* y, std::int64_t count);
void vector_gelu_tanh_grad(const float* x, const float* gy, float* gx, std::int64_t count);
void vector_silu(const float* x, float* y, std::int64_t count);
void vector_silu_grad(const float* x, const float* gy, float* gx, std::int64_t count);

/// y = exp(x - shift).
void vector_exp_of_difference(const float* x, float shift, float* y, std::int64_t count);
/// y = exp(x - shift), and their sum in lanes of a fixed order, so that it is the same on every processor.
double vector_exp_sum(const float* x, float shift, float* y, std::int64_t count);
/// The largest element, -infinity of none; not-a-number if there is one.
float vector_max(const float* x, std::int64_t count);
/// sums[i] += the i-th elements of all lines, `line_step` apart; the order is the same on every processor.
void vector_add_lines(const float* x, std::int64_t lines, std::int64_t line_step, std::int64_t width, double* sums);

/// Rows of x (rows, n), normalized as kernels/row_normalization.h says; gamma and beta may be null. Sums are in float64
/// and in lanes of a fixed order; a row's bits do not depend on the other rows.
void vector_normalize_rows(const float* x, const float* gamma, const float* beta, double eps, bool centre,
                           std::int64_t rows, std::int64_t n, float* y, double* means, double* inverses);
/// Their gradient; ggamma and gbeta (n) are added to, row by row. gamma is not null.
void vector_normalize_rows_grad(const float* gy, const float* x, const float* gamma, const double* means,
                                const double* inverses, bool centre, std::int64_t rows, std::int64_t n, float* gx,
                                double* ggamma, double* gbeta);

}  // namespace rensa::cpu
