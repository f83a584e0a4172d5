#include "core/kernels/accuracy.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Array&, std::int64_t, const std::optional<std::int64_t>&)> accuracy(
    "accuracy");

}  // namespace rensa::kernels
