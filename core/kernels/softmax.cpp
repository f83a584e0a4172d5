#include "core/kernels/softmax.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&)> softmax("softmax");
constinit Kernel<Array(const Array&)> log_softmax("log_softmax");
constinit Kernel<Array(const Array&, const Array&)> softmax_grad("softmax_grad");
constinit Kernel<Array(const Array&, const Array&)> log_softmax_grad("log_softmax_grad");
constinit Kernel<std::array<Array, 2>(const Array&, const ClassTargets&)> softmax_cross_entropy(
    "softmax_cross_entropy");
constinit Kernel<Array(const Array&, const ClassTargets&, const Array&, const Array&)> softmax_cross_entropy_grad(
    "softmax_cross_entropy_grad");

}  // namespace rensa::kernels
