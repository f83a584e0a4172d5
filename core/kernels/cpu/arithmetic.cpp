#include "core/kernels/arithmetic.h"

#include "core/kernels/cpu/elementwise.h"
#include "core/kernels/formulas/arithmetic.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&, const Array&)>& kernel>
Array binary(const Array& a, const Array& b) {
  return cpu::map(kernel.name(), F{}, a, b);
}

template <class F, const Kernel<Array(const Array&, double)>& kernel>
Array with_number(const Array& x, double number) {
  return cpu::map(kernel.name(), F{number}, x);
}

const Implementation cpu_add(add, DeviceKind::kCpu, binary<formulas::Add, add>);
const Implementation cpu_sub(sub, DeviceKind::kCpu, binary<formulas::Sub, sub>);
const Implementation cpu_mul(mul, DeviceKind::kCpu, binary<formulas::Mul, mul>);
const Implementation cpu_div(div, DeviceKind::kCpu, binary<formulas::Div, div>);
const Implementation cpu_pow(pow, DeviceKind::kCpu, binary<formulas::Pow, pow>);
const Implementation cpu_add_number(add_number, DeviceKind::kCpu, with_number<formulas::AddNumber, add_number>);
const Implementation cpu_mul_number(mul_number, DeviceKind::kCpu, with_number<formulas::MulNumber, mul_number>);
const Implementation cpu_div_number(div_number, DeviceKind::kCpu, with_number<formulas::DivNumber, div_number>);
const Implementation cpu_number_divided_by(number_divided_by, DeviceKind::kCpu,
                                           with_number<formulas::NumberDividedBy, number_divided_by>);
const Implementation cpu_pow_number(pow_number, DeviceKind::kCpu, with_number<formulas::PowNumber, pow_number>);

}  // namespace
}  // namespace rensa::kernels
