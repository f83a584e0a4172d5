#pragma once

#include <functional>

#include "core/autograd/variable.h"

namespace rensa::functions {

/// f(xs) without keeping what is inside: backward() calls f again to get it back. Memory for time: a deep network cut
/// in parts of k layers keeps the borders and one part.
///
///   Variable y = functions::forget([&](const Variables& x) { return Variables{block(x[0])}; }, {x})[0];
///
/// f is called with config().in_recomputing the second time; batch normalization then leaves its running statistics
/// alone, batch renormalization corrects by those that it found the first time, and functions that draw numbers draw
/// the same ones. Gradients reach the parameters that f uses, and variables computed before that it captures, as if it
/// had been kept, hooks included. f must give the same numbers twice, and hold what it captures until backward() is
/// through. The gradient's gradient is refused with a GraphError.
/// Source: Chen et al., "Training deep nets with sublinear memory cost", 2016.
Variables forget(const std::function<Variables(const Variables&)>& f, const Variables& xs);
Variable forget(const std::function<Variable(const Variable&)>& f, const Variable& x);  ///< the same for one variable

}  // namespace rensa::functions
