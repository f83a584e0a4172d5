#include "core/kernels/pooling.h"

namespace rensa::kernels {

constinit Kernel<MaxPooled(const Array&, const PoolingGeometry&, const Shape&)> max_pooling("max_pooling");
constinit Kernel<Array(const Array&, const Array&, const PoolingGeometry&, const Shape&)> max_pooling_scatter(
    "max_pooling_scatter");
constinit Kernel<Array(const Array&, const Array&)> max_pooling_gather("max_pooling_gather");
constinit Kernel<Array(const Array&, const PoolingGeometry&, const Shape&)> average_pooling("average_pooling");
constinit Kernel<Array(const Array&, const PoolingGeometry&, const Shape&)> average_pooling_grad(
    "average_pooling_grad");

}  // namespace rensa::kernels
