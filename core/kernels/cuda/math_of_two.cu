#include "core/kernels/cuda/elementwise.cuh"
#include "core/kernels/formulas/math.h"
#include "core/kernels/math.h"
#include "core/kernels/reduction.h"

namespace rensa::kernels {
namespace {

struct Equal {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a == b ? T(1) : T(0);
  }
};

struct Pass {
  template <class T>
  RENSA_FORMULA T operator()(T flag, T x) const {
    return flag == T(0) ? T(0) : x;
  }
};

Array pass_where_equal_cuda(const Array& a, const Array& b, const Array& gy) {
  return cuda::map("max", Pass{}, cuda::map("max", Equal{}, a, b), gy);
}

template <class F, const Kernel<Array(const Array&, const Array&)>& kernel, bool kHalf = true>
Array binary(const Array& a, const Array& b) {
  return cuda::map<kHalf>(kernel.name(), F{}, a, b);
}

constexpr DeviceKind kCuda = DeviceKind::kCuda;
const Implementation cuda_maximum(maximum, kCuda, binary<formulas::Maximum, maximum>);
const Implementation cuda_minimum(minimum, kCuda, binary<formulas::Minimum, minimum>);
const Implementation cuda_not_less(not_less, kCuda, binary<formulas::NotLess, not_less>);
const Implementation cuda_equal(equal, kCuda, binary<Equal, equal>);
const Implementation cuda_pass(pass_where_equal, kCuda, pass_where_equal_cuda);
const Implementation cuda_arctan2(arctan2, kCuda, binary<formulas::Arctan2, arctan2, false>);
const Implementation cuda_fmod(fmod, kCuda, binary<formulas::Fmod, fmod, false>);
const Implementation cuda_zeta(zeta, kCuda, binary<formulas::Zeta, zeta, false>);

}  // namespace
}  // namespace rensa::kernels
