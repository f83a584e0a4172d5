#pragma once

#include <array>
#include <cmath>

#include "core/kernels/formulas/annotation.h"

namespace rensa::kernels::formulas {

/// The numbers of an update rule; each formula says which.
using RuleNumbers = std::array<double, 8>;

// One element's step of each update rule, for every back end: p the parameter, g its gradient, s what is kept of it
// from step to step. core/optimizers says where the rules come from.

/// {lr, momentum}; s: v
template <class T>
struct CorrectedMomentum {
  static constexpr int kStates = 1;
  T lr, momentum;
  explicit CorrectedMomentum(const RuleNumbers& n) : lr(T(n[0])), momentum(T(n[1])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] = momentum * s[0] - g;
    p += lr * s[0];
  }
};

/// {lr, eps}; s: h
template <class T>
struct AdaGrad {
  static constexpr int kStates = 1;
  T lr, eps;
  explicit AdaGrad(const RuleNumbers& n) : lr(T(n[0])), eps(T(n[1])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] += g * g;
    p -= lr * g / (std::sqrt(s[0]) + eps);
  }
};

/// {lr, rho, eps}; s: msg, msdx
template <class T>
struct AdaDelta {
  static constexpr int kStates = 2;
  T lr, rho, rest, eps;
  explicit AdaDelta(const RuleNumbers& n) : lr(T(n[0])), rho(T(n[1])), rest(T(1 - n[1])), eps(T(n[2])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] = rho * s[0] + rest * g * g;
    const T dx = std::sqrt((s[1] + eps) / (s[0] + eps)) * g;
    s[1] = rho * s[1] + rest * dx * dx;
    p -= lr * dx;
  }
};

/// {lr, alpha, eps outside of the root, eps inside}; s: ms
template <class T>
struct RmsProp {
  static constexpr int kStates = 1;
  T lr, alpha, rest, outside, inside;
  explicit RmsProp(const RuleNumbers& n)
      : lr(T(n[0])), alpha(T(n[1])), rest(T(1 - n[1])), outside(T(n[2])), inside(T(n[3])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] = alpha * s[0] + rest * g * g;
    p -= lr * g / (std::sqrt(s[0] + inside) + outside);
  }
};

/// {lr, momentum, alpha, eps, share of SGD, share of RMSprop}; s: v, ms
template <class T>
struct RmsPropWarmup {
  static constexpr int kStates = 2;
  T lr, momentum, alpha, rest, eps, sgd, rmsprop;
  explicit RmsPropWarmup(const RuleNumbers& n)
      : lr(T(n[0])),
        momentum(T(n[1])),
        alpha(T(n[2])),
        rest(T(1 - n[2])),
        eps(T(n[3])),
        sgd(T(n[4])),
        rmsprop(T(n[5])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[1] = alpha * s[1] + rest * g * g;
    s[0] = momentum * s[0] - (sgd + rmsprop / (std::sqrt(s[1]) + eps)) * g;
    p += lr * s[0];
  }
};

/// {lr, alpha, momentum, eps}; s: n, g, delta
template <class T>
struct RmsPropGraves {
  static constexpr int kStates = 3;
  T lr, alpha, rest, momentum, eps;
  explicit RmsPropGraves(const RuleNumbers& n)
      : lr(T(n[0])), alpha(T(n[1])), rest(T(1 - n[1])), momentum(T(n[2])), eps(T(n[3])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] = alpha * s[0] + rest * g * g;
    s[1] = alpha * s[1] + rest * g;
    s[2] = momentum * s[2] - lr * g / std::sqrt(s[0] - s[1] * s[1] + eps);
    p += s[2];
  }
};

/// {lr, eps, 1 in the first step or 0}; s: mem, which starts at 1, g, g2
template <class T>
struct Smorms3 {
  static constexpr int kStates = 3;
  T lr, eps, start;
  explicit Smorms3(const RuleNumbers& n) : lr(T(n[0])), eps(T(n[1])), start(T(n[2])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    const T memory = s[0] + start, r = T(1) / (memory + T(1));
    s[1] = (T(1) - r) * s[1] + r * g;
    s[2] = (T(1) - r) * s[2] + r * g * g;
    const T x = s[1] * s[1] / (s[2] + eps);
    p -= g * (x < lr ? x : lr) / (std::sqrt(s[2]) + eps);
    s[0] = T(1) + memory * (T(1) - x);
  }
};

/// {eta lr, 1 - beta, 1 / (1 - betaᵗ), rho, eta decay}; s: m, v
template <class T>
struct Msvag {
  static constexpr int kStates = 2;
  T lr, rest, correction, rho, decay;
  explicit Msvag(const RuleNumbers& n)
      : lr(T(n[0])), rest(T(n[1])), correction(T(n[2])), rho(T(n[3])), decay(T(n[4])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] += rest * (g - s[0]);
    s[1] += rest * (g * g - s[1]);
    const T m = s[0] * correction, squares = m * m;
    const T variance = (s[1] * correction - squares) / (T(1) - rho), sum = squares + rho * variance;
    const T share = squares / sum;  // not a number where there was no gradient ever
    const T bounded = share > T(1) ? T(1) : share > T(0) ? share : T(0);
    p -= lr * m * bounded + decay * p;
  }
};

/// {1 - beta1, 1 - beta2, eps, alphaₜ, lower, upper, eta, eta decay}; s: m, v
template <class T>
struct BoundedAdam {
  static constexpr int kStates = 2;
  T rest1, rest2, eps, alpha, lower, upper, eta, decay;
  explicit BoundedAdam(const RuleNumbers& n)
      : rest1(T(n[0])),
        rest2(T(n[1])),
        eps(T(n[2])),
        alpha(T(n[3])),
        lower(T(n[4])),
        upper(T(n[5])),
        eta(T(n[6])),
        decay(T(n[7])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] += rest1 * (g - s[0]);
    s[1] += rest2 * (g * g - s[1]);
    move(p, s[0], s[1]);
  }
  RENSA_FORMULA void move(T& p, T m, T v) const {
    const T wanted = alpha / (std::sqrt(v) + eps);
    const T raised = wanted > lower ? wanted : lower, step = raised < upper ? raised : upper;
    p -= eta * step * m + decay * p;
  }
};

/// The same; s: m, v, vhat
template <class T>
struct AmsBound : BoundedAdam<T> {
  static constexpr int kStates = 3;
  using BoundedAdam<T>::BoundedAdam;
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] += this->rest1 * (g - s[0]);
    s[1] += this->rest2 * (g * g - s[1]);
    s[2] = s[1] > s[2] ? s[1] : s[2];
    this->move(p, s[0], s[2]);
  }
};

/// {1 - beta1, 1 - beta2, eps, step, 1 to divide by the root or 0, decay}; s: m, v
template <class T>
struct RectifiedAdam {
  static constexpr int kStates = 2;
  T rest1, rest2, eps, step, adaptive, decay;
  explicit RectifiedAdam(const RuleNumbers& n)
      : rest1(T(n[0])), rest2(T(n[1])), eps(T(n[2])), step(T(n[3])), adaptive(T(n[4])), decay(T(n[5])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    s[0] += rest1 * (g - s[0]);
    s[1] += rest2 * (g * g - s[1]);
    const T root = std::sqrt(s[1]) + eps, divisor = adaptive > T(0) ? root : T(1);
    p -= step * s[0] / divisor + decay * p;
  }
};

/// {lr, beta1, 1 - beta1, beta2, 1 - beta2, decay}; s: m
template <class T>
struct Lion {
  static constexpr int kStates = 1;
  T lr, beta1, rest1, beta2, rest2, decay;
  explicit Lion(const RuleNumbers& n)
      : lr(T(n[0])), beta1(T(n[1])), rest1(T(n[2])), beta2(T(n[3])), rest2(T(n[4])), decay(T(n[5])) {}
  RENSA_FORMULA void operator()(T& p, T g, T* s) const {
    const T mixed = beta1 * s[0] + rest1 * g;
    const T direction = mixed > T(0) ? T(1) : mixed < T(0) ? T(-1) : T(0);
    p -= lr * direction + decay * p;
    s[0] = beta2 * s[0] + rest2 * g;
  }
};

/// {1 - beta1, 1 - beta2, eps, 1 / (1 - beta1ᵗ), 1 / (1 - beta2ᵗ), decay}: the step before it is scaled by the layer's
/// trust ratio; s: m, v.
template <class T>
struct LambStep {
  T rest1, rest2, eps, correction1, correction2, decay;
  explicit LambStep(const RuleNumbers& n)
      : rest1(T(n[0])), rest2(T(n[1])), eps(T(n[2])), correction1(T(n[3])), correction2(T(n[4])), decay(T(n[5])) {}
  RENSA_FORMULA T direction(T p, T m, T v) const {
    return m * correction1 / (std::sqrt(v * correction2) + eps) + decay * p;
  }
};

}  // namespace rensa::kernels::formulas
