#include "core/kernels/pictures.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Array&, const Array&, const PictureForm&)> finish_pictures(
    "finish_pictures");

}  // namespace rensa::kernels
