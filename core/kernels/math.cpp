#include "core/kernels/math.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&)> exp("exp");
constinit Kernel<Array(const Array&)> log("log");
constinit Kernel<Array(const Array&)> sqrt("sqrt");
constinit Kernel<Array(const Array&)> abs("abs");
constinit Kernel<Array(const Array&, const Array&)> abs_grad("abs_grad");
constinit Kernel<Array(const Array&, const Array&)> maximum("maximum");
constinit Kernel<Array(const Array&, const Array&)> minimum("minimum");
constinit Kernel<Array(const Array&, const Array&)> not_less("not_less");
constinit Kernel<Array(const Array&, double, double)> clip("clip");
constinit Kernel<Array(const Array&, const Array&, double, double)> clip_grad("clip_grad");

}  // namespace rensa::kernels
