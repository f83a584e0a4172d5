#pragma once

#include "core/array/array.h"

struct DLManagedTensor;  // of <dlpack/dlpack.h>

namespace rensa {

// DLPack: arrays that change hands between libraries of one process without a copy.

/// A tensor that shows x's elements and keeps them alive. Its owner calls deleter once. Throws DtypeError, DeviceError
/// for what DLPack cannot say.
DLManagedTensor* to_dlpack(const Array& x);

/// Takes over `tensor`: its deleter runs when no array views its elements any more, or at once if this throws. Strides
/// may be anything, also negative ones. Throws ValueError for a tensor that is none (null, more axes than arrays have,
/// strides that no memory holds), ShapeError for sizes that are negative or that no memory holds, DtypeError for an
/// element type that arrays do not have, DeviceError for memory elsewhere.
Array from_dlpack(DLManagedTensor* tensor);

}  // namespace rensa
