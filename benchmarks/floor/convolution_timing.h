#pragma once
#include <dnnl.hpp>

#include "benchmarks/floor/layer_time.h"
#include "benchmarks/floor/network_shapes.h"

namespace rensa::floor {

/// oneDNN in the layout it likes best ("any") and in channels-last, and for a 1x1 kernel of stride 1 also as a matrix
/// product. Reorders into the layout are not counted: it is a floor.
LayerTime time_convolution(const Convolution& c, dnnl::memory::data_type element);

}  // namespace rensa::floor
