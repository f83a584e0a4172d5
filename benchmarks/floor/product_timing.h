#pragma once
#include <cstdint>
#include <dnnl.hpp>

#include "benchmarks/floor/layer_time.h"
#include "benchmarks/floor/network_shapes.h"

namespace rensa::floor {

/// The product of (m, k) and (k, n) by oneDNN with the second factor in the order that it likes best; in float32 also
/// by OpenBLAS and by oneDNN with either factor stored transposed or not. Bringing one into an order is not counted: it
/// is a floor.
Best time_product(std::int64_t m, std::int64_t n, std::int64_t k,
                  dnnl::memory::data_type element = dnnl::memory::data_type::f32);

/// Of a linear layer.
LayerTime time_layer(const Product& p, dnnl::memory::data_type element);

}  // namespace rensa::floor
