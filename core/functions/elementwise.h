#pragma once

#include "core/autograd/function.h"
#include "core/kernels/differentiable.h"

namespace rensa::functions {

/// A formula at every element of x, differentiable kernels::kMostDerivatives times; for the sources of this folder.
Variable elementwise(const kernels::Differentiable& formula, const Variable& x,
                     const kernels::Constants& constants = {});

}  // namespace rensa::functions
