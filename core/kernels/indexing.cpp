#include "core/kernels/indexing.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, const Array&)> gather("gather");
constinit Kernel<Array(const Array&, const Array&, const Shape&)> scatter_add("scatter_add");
constinit Kernel<Array(const Array&, const Array&)> take_rows("take");
constinit Kernel<Array(const Array&, const Array&, std::int64_t)> add_rows("add_rows");
constinit Kernel<Array(const Array&, const Array&, const Array&)> where("where");
constinit Kernel<Array(const Array&, const Array&, Comparison)> compare("compare");

}  // namespace rensa::kernels
