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
Variable tanh(const Variable& x);  ///< (exp(x) - exp(-x)) / (exp(x) + exp(-x))
/// x where x >= 0, alpha (exp(x) - 1) elsewhere.
/// Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units",
/// 2015.
Variable elu(const Variable& x, double alpha = 1.0);
/// log(1 + exp(beta x)) / beta. Throws ValueError unless beta > 0.
Variable softplus(const Variable& x, double beta = 1.0);

/// x brought into [0, z]. Throws ValueError unless z > 0.
Variable clipped_relu(const Variable& x, double z = 20.0);
/// x brought into [0, 6].
Variable relu6(const Variable& x);
/// 0.2 x + 0.5 brought into [0, 1].
Variable hard_sigmoid(const Variable& x);
/// scale times elu(x, alpha), which keeps mean 0 and variance 1 with the default numbers.
/// Source: Klambauer et al., "Self-normalizing neural networks", 2017.
Variable selu(const Variable& x, double alpha = 1.6732632423543772848170429916717,
              double scale = 1.0507009873554804934193349852946);
/// x sigmoid(x). Source: Ramachandran, Zoph, Le, "Searching for activation functions", 2017 (swish with beta = 1).
Variable silu(const Variable& x);

/// Which formula gelu() computes.
enum class GeluForm { kExact, kTanh };
/// x times the normal distribution function of x; kTanh is the usual approximation of it by tanh.
/// Source: Hendrycks, Gimpel, "Gaussian error linear units", 2016.
Variable gelu(const Variable& x, GeluForm form = GeluForm::kExact);
/// x tanh(softplus(x)). Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
Variable mish(const Variable& x);

}  // namespace rensa::functions
