#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

/// exp(x) / sum(exp(x)) along `axis`; each line's maximum is subtracted first, so that large values do not overflow.
/// Throws IndexError if x has no such axis.
Variable softmax(const Variable& x, int axis = 1);

/// log(softmax(x)) along `axis`, without forming the quotient.
Variable log_softmax(const Variable& x, int axis = 1);

}  // namespace rensa::functions
