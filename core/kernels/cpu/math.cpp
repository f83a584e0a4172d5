#include "core/kernels/math.h"

#include "core/kernels/cpu/elementwise.h"
#include "core/kernels/cpu/vector_math.h"
#include "core/kernels/formulas/math.h"

namespace rensa::kernels {
namespace {

template <class F, const Kernel<Array(const Array&)>& kernel>
Array unary(const Array& x) {
  return cpu::map(kernel.name(), F{}, x);
}

template <class F, const Kernel<Array(const Array&, const Array&)>& kernel>
Array binary(const Array& a, const Array& b) {
  return cpu::map(kernel.name(), F{}, a, b);
}

const Implementation cpu_exp(exp, DeviceKind::kCpu,
                             [](const Array& x) { return cpu::map("exp", formulas::Exp{}, cpu::vector_exp, x); });
const Implementation cpu_log(log, DeviceKind::kCpu,
                             [](const Array& x) { return cpu::map("log", formulas::Log{}, cpu::vector_log, x); });
const Implementation cpu_sqrt(sqrt, DeviceKind::kCpu, unary<formulas::Sqrt, sqrt>);
const Implementation cpu_abs(abs, DeviceKind::kCpu, unary<formulas::Abs, abs>);
const Implementation cpu_abs_grad(abs_grad, DeviceKind::kCpu, binary<formulas::AbsGrad, abs_grad>);
const Implementation cpu_maximum(maximum, DeviceKind::kCpu, binary<formulas::Maximum, maximum>);
const Implementation cpu_minimum(minimum, DeviceKind::kCpu, binary<formulas::Minimum, minimum>);
const Implementation cpu_not_less(not_less, DeviceKind::kCpu, binary<formulas::NotLess, not_less>);
const Implementation cpu_arctan2(arctan2, DeviceKind::kCpu, binary<formulas::Arctan2, arctan2>);
const Implementation cpu_fmod(fmod, DeviceKind::kCpu, binary<formulas::Fmod, fmod>);
const Implementation cpu_zeta(zeta, DeviceKind::kCpu, binary<formulas::Zeta, zeta>);
const Implementation cpu_clip(clip, DeviceKind::kCpu, [](const Array& x, double low, double high) {
  return cpu::map("clip", formulas::Clip{low, high}, x);
});
const Implementation cpu_clip_grad(clip_grad, DeviceKind::kCpu,
                                   [](const Array& x, const Array& gy, double low, double high) {
                                     return cpu::map("clip_grad", formulas::ClipGrad{low, high}, x, gy);
                                   });

}  // namespace
}  // namespace rensa::kernels
