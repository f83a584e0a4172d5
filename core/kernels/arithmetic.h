#pragma once

#include "core/kernels/kernel.h"

namespace rensa::kernels {

// Element by element, in any floating dtype; two arrays are broadcast as NumPy does.

extern Kernel<Array(const Array& a, const Array& b)> add;
extern Kernel<Array(const Array& a, const Array& b)> sub;
extern Kernel<Array(const Array& a, const Array& b)> mul;
extern Kernel<Array(const Array& a, const Array& b)> div;
extern Kernel<Array(const Array& a, const Array& b)> pow;

extern Kernel<Array(const Array& x, double number)> add_number;
extern Kernel<Array(const Array& x, double number)> mul_number;
extern Kernel<Array(const Array& x, double number)> div_number;
extern Kernel<Array(const Array& x, double number)> number_divided_by;
extern Kernel<Array(const Array& x, double number)> pow_number;

}  // namespace rensa::kernels
