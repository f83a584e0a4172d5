#pragma once

#include <cstdint>

namespace rensa::cpu {

// float32 functions with the widest instructions of the processor, within 4 units in the last place of the exact value. An
// element's bits do not depend on its place or on the number of elements.

void vector_exp(const float* x, float* y, std::int64_t count);
void vector_log(const float* x, float* y, std::int64_t count);
void vector_tanh(const float* x, float* y, std::int64_t count);
void vector_sigmoid(const float* x, float* y, std::int64_t count);

/// y = exp(x - shift), and their sum in lanes of a fixed order, so that it is the same on every processor.
double vector_exp_sum(const float* x, float shift, float* y, std::int64_t count);

}  // namespace rensa::cpu
