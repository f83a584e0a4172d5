#pragma once

#include <cmath>

namespace rensa::formulas {

// Gradients are written over the output y wherever it determines them, so that x can be released after forward.

struct Relu {
  template <class T>
  T operator()(T x) const {
    return x < 0 ? T(0) : x;  // not-a-number stays
  }
};
struct ReluGrad {
  template <class T>
  T operator()(T y, T gy) const {
    return y > 0 ? gy : T(0);
  }
};

struct LeakyRelu {
  double slope;
  template <class T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(slope) * x : x;
  }
};
struct LeakyReluGrad {
  double slope;
  template <class T>
  T operator()(T x, T gy) const {
    return x < 0 ? static_cast<T>(slope) * gy : gy;
  }
};

struct Sigmoid {
  template <class T>
  T operator()(T x) const {
    const T e = std::exp(-std::abs(x));  // never overflows
    return (x < 0 ? e : T(1)) / (1 + e);
  }
};
struct SigmoidGrad {
  template <class T>
  T operator()(T y, T gy) const {
    return gy * y * (1 - y);
  }
};

struct Tanh {
  template <class T>
  T operator()(T x) const {
    return std::tanh(x);
  }
};
struct TanhGrad {
  template <class T>
  T operator()(T y, T gy) const {
    return gy * (1 - y * y);
  }
};

struct Elu {
  double alpha;
  template <class T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * std::expm1(x) : x;
  }
};
/// alpha exp(x) where x < 0, else 1; times gy.
struct EluGrad {
  double alpha;
  template <class T>
  T operator()(T x, T gy) const {
    return x < 0 ? gy * static_cast<T>(alpha) * std::exp(x) : gy;
  }
};
/// The derivative of EluGrad with respect to x.
struct EluGradGrad {
  double alpha;
  template <class T>
  T operator()(T x, T gy) const {
    return x < 0 ? gy * static_cast<T>(alpha) * std::exp(x) : T(0);
  }
};

struct Softplus {
  double beta;
  template <class T>
  T operator()(T x) const {
    const T b = static_cast<T>(beta);
    return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::abs(b * x))) / b;
  }
};

}  // namespace rensa::formulas
