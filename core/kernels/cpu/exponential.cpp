#include "core/kernels/cpu/differentiable.h"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cpu::Differentiated<formulas::Expm1, expm1> cpu_expm1;
const cpu::Differentiated<formulas::Log1p, log1p> cpu_log1p;
const cpu::Differentiated<formulas::Log2, log2> cpu_log2;
const cpu::Differentiated<formulas::Log10, log10> cpu_log10;
const cpu::Differentiated<formulas::Rsqrt, rsqrt> cpu_rsqrt;
const cpu::Differentiated<formulas::Floor, floor> cpu_floor;
const cpu::Differentiated<formulas::Ceil, ceil> cpu_ceil;
const cpu::Differentiated<formulas::Fix, fix> cpu_fix;
const cpu::Differentiated<formulas::Sign, sign> cpu_sign;

}  // namespace
}  // namespace rensa::kernels
