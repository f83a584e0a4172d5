#include "core/kernels/arithmetic.h"

#include "core/kernels/cuda/elementwise.cuh"
#include "core/kernels/formulas/arithmetic.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&, const Array&)>& kernel>
Array binary(const Array& a, const Array& b) {
  return cuda::map(kernel.name(), F{}, a, b);
}

template <class F, const Kernel<Array(const Array&, double)>& kernel>
Array with_number(const Array& x, double number) {
  return cuda::map(kernel.name(), F{number}, x);
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_add(add, kCuda, binary<formulas::Add, add>);
const Implementation cuda_sub(sub, kCuda, binary<formulas::Sub, sub>);
const Implementation cuda_mul(mul, kCuda, binary<formulas::Mul, mul>);
const Implementation cuda_div(div, kCuda, binary<formulas::Div, div>);
const Implementation cuda_pow(pow, kCuda, binary<formulas::Pow, pow>);
const Implementation cuda_add_number(add_number, kCuda, with_number<formulas::AddNumber, add_number>);
const Implementation cuda_mul_number(mul_number, kCuda, with_number<formulas::MulNumber, mul_number>);
const Implementation cuda_div_number(div_number, kCuda, with_number<formulas::DivNumber, div_number>);
const Implementation cuda_number_divided_by(number_divided_by, kCuda,
                                            with_number<formulas::NumberDividedBy, number_divided_by>);
const Implementation cuda_pow_number(pow_number, kCuda, with_number<formulas::PowNumber, pow_number>);

}  // namespace
}  // namespace rensa::kernels
