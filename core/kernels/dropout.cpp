#include "core/kernels/dropout.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, double, const RandomContext&)> dropout("dropout");

}  // namespace rensa::kernels
