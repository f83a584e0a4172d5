#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// Element by element; x of any shape, float32 or float64.

/// max(x, 0). Its gradient at 0 is 0.
Variable relu(const Variable& x);
/// x where x >= 0, slope × x elsewhere.
/// Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
Variable leaky_relu(const Variable& x, double slope = 0.2);
/// 1 / (1 + exp(-x)).
Variable sigmoid(const Variable& x);
Variable tanh(const Variable& x);
/// x where x >= 0, alpha (exp(x) - 1) elsewhere.
/// Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units", 2015.
Variable elu(const Variable& x, double alpha = 1.0);
/// log(1 + exp(beta x)) / beta. Throws ValueError unless beta > 0.
Variable softplus(const Variable& x, double beta = 1.0);

}  // namespace rensa::functions
