#include "core/kernels/row_normalization.h"

namespace rensa::kernels {

constinit Kernel<std::array<Array, 3>(const Array&, const Array&, const Array&, double, bool)> row_normalization(
    "layer_normalization");
constinit Kernel<std::array<Array, 3>(const Array&, const Array&, const Array&, const Array&, const Array&, bool)>
    row_normalization_grad("layer_normalization_grad");

}  // namespace rensa::kernels
