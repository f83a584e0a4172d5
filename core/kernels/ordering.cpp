#include "core/kernels/ordering.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&, bool)> position_of_extreme("argmax");
constinit Kernel<Array(const Array&, bool)> sorting_positions("argsort");
constinit Kernel<Array(const Array&, bool)> running_sum("cumsum");
constinit Kernel<Array(const Array&)> running_product("cumprod");

}  // namespace rensa::kernels
