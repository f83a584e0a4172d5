#pragma once

#include "core/autograd/variable.h"

namespace rensa::functions {

// What draws numbers. They are counted by (seed, step, sample, use), see core/functions/dropout.h.

/// mean + exp(ln_var / 2) × normal noise: a sample that is differentiable in both. Equal shapes.
/// Source: Kingma, Welling, "Auto-encoding variational Bayes", 2013.
Variable gaussian(const Variable& mean, const Variable& ln_var);
/// softmax((log_pi + Gumbel noise) / tau) along `axis`. Throws ValueError unless tau > 0.
/// Source: Jang, Gu, Poole, "Categorical reparameterization with Gumbel-softmax", 2016.
Variable gumbel_softmax(const Variable& log_pi, double tau = 0.1, int axis = 1);
/// linear(x, W, b) with each weight of each sample set to zero with probability `ratio` and the others divided by 1 -
/// ratio, when training. Source: Wan et al., "Regularization of neural networks using DropConnect", 2013.
Variable simplified_dropconnect(const Variable& x, const Variable& W, const Variable* b = nullptr, double ratio = 0.5);
/// h where drawn with probability `ratio`, x elsewhere, when training; else x.
/// Source: Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", 2016.
Variable zoneout(const Variable& h, const Variable& x, double ratio = 0.5);

}  // namespace rensa::functions
