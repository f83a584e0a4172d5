#include "comm/shm/direct_reduction.h"

#include <type_traits>

#include "comm/shm/reduction_job.h"
#include "core/error.h"

namespace rensa::shm {

void reduce_directly(std::span<const void* const> inputs, std::span<void* const> outputs, std::int64_t begin,
                     std::int64_t end, Dtype dtype, Reduce op) {
  if (dtype == Dtype::kBool) throw DtypeError("bool cannot be reduced between ranks. Convert it to uint8 first.");
  const ReductionJob job{inputs, outputs, begin, end, dtype, op};
  is_floating(dtype) ? reduce_floats(job) : reduce_integers(job);
}

void scale(const Array& x, double factor) {
  const std::int64_t count = x.size();
  const auto apply = [count](auto* values, auto by) {
    using T = std::remove_pointer_t<decltype(values)>;
    for (std::int64_t i = 0; i < count; ++i) values[i] = T(values[i] * by);
  };
  switch (x.dtype()) {
    case Dtype::kFloat32:
      return apply(x.data<float>(), static_cast<float>(factor));
    case Dtype::kFloat64:
      return apply(x.data<double>(), factor);
    case Dtype::kFloat16:
      return apply(x.data<Float16>(), static_cast<float>(factor));
    case Dtype::kBFloat16:
      return apply(x.data<BFloat16>(), static_cast<float>(factor));
    default:
      throw DtypeError("an array of ", x.dtype(), " cannot be scaled, expected a floating type.");
  }
}

std::int64_t part_begin(std::int64_t count, int part, int parts) {
  if (part == parts) return count;
  const std::int64_t unit = count >= 16 * static_cast<std::int64_t>(parts) ? 16 : 1;
  return count / unit * part / parts * unit;
}

}  // namespace rensa::shm
