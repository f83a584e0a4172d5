#pragma once

#include <cmath>

#include "core/kernels/formulas/annotation.h"
#include "core/kernels/formulas/dual.h"

namespace rensa::formulas {

// Gradients are written over the output y wherever it determines them, so that x can be released after forward.

struct Relu {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return x < 0 ? T(0) : x;  // not-a-number stays
  }
};
struct ReluGrad {
  template <class T>
  RENSA_FORMULA T operator()(T y, T gy) const {
    return y > 0 ? gy : T(0);
  }
};

struct LeakyRelu {
  double slope;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return x < 0 ? static_cast<T>(slope) * x : x;
  }
};
struct LeakyReluGrad {
  double slope;
  template <class T>
  RENSA_FORMULA T operator()(T x, T gy) const {
    return x < 0 ? static_cast<T>(slope) * gy : gy;
  }
};

struct Sigmoid {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    const T e = std::exp(-std::abs(x));  // never overflows
    return (x < 0 ? e : T(1)) / (1 + e);
  }
};
struct SigmoidGrad {
  template <class T>
  RENSA_FORMULA T operator()(T y, T gy) const {
    return gy * y * (1 - y);
  }
};

struct Tanh {
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return std::tanh(x);
  }
};
struct TanhGrad {
  template <class T>
  RENSA_FORMULA T operator()(T y, T gy) const {
    return gy * (1 - y * y);
  }
};

struct Elu {
  double alpha;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * std::expm1(x) : x;
  }
};
/// alpha exp(x) where x < 0, else 1; times gy.
struct EluGrad {
  double alpha;
  template <class T>
  RENSA_FORMULA T operator()(T x, T gy) const {
    return x < 0 ? gy * static_cast<T>(alpha) * std::exp(x) : gy;
  }
};
/// The derivative of EluGrad with respect to x.
struct EluGradGrad {
  double alpha;
  template <class T>
  RENSA_FORMULA T operator()(T x, T gy) const {
    return x < 0 ? gy * static_cast<T>(alpha) * std::exp(x) : T(0);
  }
};

struct Softplus {
  double beta;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    const T b = static_cast<T>(beta);
    return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::abs(b * x))) / b;
  }
};

// The formulas below are computed in dual numbers too, which give their derivatives.

struct ClippedRelu {
  double z;
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return x <= T(0.0) ? T(0.0) : x > T(z) ? T(z) : x;  // not-a-number stays
  }
};
struct HardSigmoid {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    const T line = T(0.2) * x + T(0.5);
    return line <= T(0.0) ? T(0.0) : line > T(1.0) ? T(1.0) : line;
  }
};
struct Selu {
  double alpha, scale;
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return x < T(0.0) ? T(scale * alpha) * expm1(x) : T(scale) * x;
  }
};
struct Silu {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    if (x < T(0.0)) {  // never overflows
      const T e = exp(x);
      return x * e / (T(1.0) + e);
    }
    return x / (T(1.0) + exp(-x));
  }
};
/// x times the normal distribution function.
struct Gelu {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return T(0.5) * x * erfc(-x * T(kSqrtHalf));
  }
};
struct GeluTanh {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    return T(0.5) * x * (T(1.0) + tanh(T(kTwoOverSqrtPi * kSqrtHalf) * (x + T(0.044715) * x * x * x)));
  }
};
/// x tanh(softplus(x)), where tanh(log(1 + e)) = (e² + 2e) / (e² + 2e + 2).
struct Mish {
  template <class T>
  RENSA_FORMULA T operator()(const T& x) const {
    if (x < T(0.0)) {
      const T e = exp(x), n = e * (e + T(2.0));
      return x * n / (n + T(2.0));
    }
    const T e = exp(-x), n = T(1.0) + T(2.0) * e;
    return x * n / (n + T(2.0) * e * e);
  }
};

}  // namespace rensa::formulas
