#include "core/kernels/attention.h"

namespace rensa::kernels {

constinit Kernel<std::array<Array, 2>(const Array&, const Array&, const Array&, const Array&, const AttentionOptions&)>
    attention("scaled_dot_product_attention");
constinit Kernel<std::array<Array, 3>(const Array&, const Array&, const Array&, const Array&, const Array&,
                                      const Array&, const Array&, const AttentionOptions&)>
    attention_grad("scaled_dot_product_attention_grad");

}  // namespace rensa::kernels
