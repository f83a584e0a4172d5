#include "core/kernels/cpu/differentiable.h"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"

namespace rensa::kernels {
namespace {

const cpu::Differentiated<formulas::Erf, erf> cpu_erf;
const cpu::Differentiated<formulas::Erfc, erfc> cpu_erfc;
const cpu::Differentiated<formulas::Erfcx, erfcx> cpu_erfcx;
const cpu::Differentiated<formulas::Erfinv, erfinv> cpu_erfinv;
const cpu::Differentiated<formulas::Erfcinv, erfcinv> cpu_erfcinv;
const cpu::Differentiated<formulas::Ndtr, ndtr> cpu_ndtr;
const cpu::Differentiated<formulas::Ndtri, ndtri> cpu_ndtri;
const cpu::Differentiated<formulas::LogNdtr, log_ndtr> cpu_log_ndtr;
const cpu::Differentiated<formulas::Lgamma, lgamma> cpu_lgamma;
const cpu::Differentiated<formulas::Polygamma, polygamma> cpu_polygamma;

}  // namespace
}  // namespace rensa::kernels
