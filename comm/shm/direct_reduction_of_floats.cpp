#include "comm/shm/reduction_job.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "comm/shm/direct_reduction_of_floats.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "comm/shm/direct_reduction_loops.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::shm::HWY_NAMESPACE {

void ReduceFloats(const ReductionJob& job) {
  switch (job.dtype) {
    case Dtype::kFloat32:
      return reduce_as<float>(job);
    case Dtype::kFloat64:
      return reduce_as<double>(job);
    case Dtype::kFloat16:
      return reduce_as<Float16>(job);
    case Dtype::kBFloat16:
      return reduce_as<BFloat16>(job);
    default:
      return;  // the other source's
  }
}

}  // namespace rensa::shm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::shm {

HWY_EXPORT(ReduceFloats);
void reduce_floats(const ReductionJob& job) { HWY_DYNAMIC_DISPATCH(ReduceFloats)(job); }

}  // namespace rensa::shm
#endif
