#include "comm/shm/reduction_job.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "comm/shm/direct_reduction_of_integers.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "comm/shm/direct_reduction_loops.h"

HWY_BEFORE_NAMESPACE();
namespace rensa::shm::HWY_NAMESPACE {

void ReduceIntegers(const ReductionJob& job) {
  switch (job.dtype) {
    case Dtype::kInt64:
      return reduce_as<std::int64_t>(job);
    case Dtype::kInt32:
      return reduce_as<std::int32_t>(job);
    case Dtype::kInt8:
      return reduce_as<std::int8_t>(job);
    case Dtype::kUInt8:
      return reduce_as<std::uint8_t>(job);
    default:
      return;  // the other source's
  }
}

}  // namespace rensa::shm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rensa::shm {

HWY_EXPORT(ReduceIntegers);
void reduce_integers(const ReductionJob& job) { HWY_DYNAMIC_DISPATCH(ReduceIntegers)(job); }

}  // namespace rensa::shm
#endif
