#include "core/kernels/cpu/differentiable.h"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cpu::Differentiated<formulas::Sin, sin> cpu_sin;
const cpu::Differentiated<formulas::Cos, cos> cpu_cos;
const cpu::Differentiated<formulas::Tan, tan> cpu_tan;
const cpu::Differentiated<formulas::Arcsin, arcsin> cpu_arcsin;
const cpu::Differentiated<formulas::Arccos, arccos> cpu_arccos;
const cpu::Differentiated<formulas::Arctan, arctan> cpu_arctan;
const cpu::Differentiated<formulas::Sinh, sinh> cpu_sinh;
const cpu::Differentiated<formulas::Cosh, cosh> cpu_cosh;
const cpu::Differentiated<formulas::Arcsinh, arcsinh> cpu_arcsinh;
const cpu::Differentiated<formulas::Arccosh, arccosh> cpu_arccosh;
const cpu::Differentiated<formulas::Arctanh, arctanh> cpu_arctanh;

}  // namespace
}  // namespace rensa::kernels
