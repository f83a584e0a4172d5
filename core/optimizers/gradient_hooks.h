#pragma once

#include <cstdint>

#include "core/optimizers/optimizer.h"

namespace rensa::hooks {

// Chainer's optimizer hooks. Each changes the gradients of every parameter that is updated, after they are complete and
// before the update uses them:  optimizer.add_hook("lasso", hooks::lasso(1e-5));
//
// gradient_clipping and weight_decay are in CommonOptions too, where they cost no pass over memory of their own.
// Throws GraphError where gradients have no place of their own (zero = 2).

/// Scales all gradients so that their norm together is at most `threshold`.
Optimizer::Hook gradient_clipping(double threshold);
/// Every element brought into [lower, upper]. Throws ValueError if they cross.
Optimizer::Hook gradient_hard_clipping(double lower, double upper);
/// g ← (g + decay · p) ‖p‖ / (‖g‖ + decay ‖p‖ + eps) for parameters whose norm is above `threshold`; the others only
/// decay. Source: You, Gitman, Ginsburg, "Large batch training of convolutional networks", 2017.
Optimizer::Hook gradient_lars(double threshold = 0.01, double weight_decay = 0, double eps = 1e-9);
/// Adds normal noise of variance eta / (1 + t)^0.55, the same on every rank.
/// Source: Neelakantan et al., "Adding gradient noise improves learning for very deep networks", 2015.
Optimizer::Hook gradient_noise(double eta, std::uint64_t seed = 0);
/// g ← g + rate · sign(p).
Optimizer::Hook lasso(double rate);
/// g ← g + rate · p, times the parameter's weight_decay_scale.
Optimizer::Hook weight_decay(double rate);

}  // namespace rensa::hooks
